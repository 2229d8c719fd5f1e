"""How long does a whole evaluation of MovieLens-1M take, intervals included?

Claim: all metrics with 1,000 bootstrap resamples take less than ten seconds.

The leave-one-out protocol over all 6,040 users and 3,416 films, through the functions
of `ytdnn evaluate`: leak check, exact lists, all metrics at three lengths with 1,000
bootstrap resamples, curves, slices, the ranker's metrics, examples, values of each
user. The vectors (128 coordinates) and logits are random; the cost of models is not
counted. For comparison: the intervals of the lists, one resampled mean after the other.

    python -m experiments.benchmarks.movielens_evaluation --data=ml-1m.zip

Measured 2026-11-24, two cores of an AMD EPYC, beside other work (load 2.5 to 4,
five runs): the whole report 3.4 to 8.2 s, of it exact lists of one maker 0.4 to 0.6 s,
its 24 metrics with intervals 0.08 to 0.16 s (the intervals the plain way: 0.60 to
0.65 s). With both cores free: 1.9 s.
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
import rich
from rich import table

from ytdnn import configs
from ytdnn.evaluation import list_metrics, lists, measure, protocol, ranker
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import predictions

_DIM = 128


def main() -> None:
    """Times an evaluation and prints its parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="directory or zip of ml-1m")
    given = parser.parse_args()
    settings = configs.DataConfig(
        source="movielens",
        dir=given.data,
        protocol="leave_one_out",
        order_by="order",
        min_item_count=5,
    )
    with tempfile.TemporaryDirectory() as directory:
        data = prepare.prepare(settings, pathlib.Path(directory) / "data")
        _show(data, configs.EvaluationConfig())


def _show(data: prepared.PreparedData, config: configs.EvaluationConfig) -> None:
    rng = np.random.default_rng(0)
    result = table.Table(title="MovieLens-1M, leave-one-out")
    result.add_column("part", no_wrap=True)
    result.add_column("seconds", justify="right")
    started = time.perf_counter()
    cases = protocol.cases(data, events.Split.TEST, config)
    users = rng.standard_normal((len(cases), _DIM), np.float32)
    videos = rng.standard_normal((data.num_videos, _DIM), np.float32)
    ranked = lists.of_vectors(users, videos)
    makers = {lists.POPULARITY: lists.popularity(data.catalogue), "made": ranked}
    scorers = {
        ranker.POPULARITY: ranker.popularity(data),
        "made": lambda shown: predictions.Predictions(
            rng.standard_normal(len(shown.rows))
        ),
    }
    whole = measure.measure(data, cases, makers, scorers, events.Split.TEST, config)
    seconds = time.perf_counter() - started
    result.add_row(
        f"whole report: {len(cases):,} users × {data.num_videos:,} films, "
        f"{len(makers)} list makers, {len(scorers)} scorers",
        f"{seconds:.2f}",
    )
    started = time.perf_counter()
    found = ranked(cases, max(config.ks))
    result.add_row("of it exact lists of one maker", f"{_since(started):.2f}")
    started = time.perf_counter()
    context = list_metrics.Context(data, cases, config)
    _, values = list_metrics.of_lists(context, found)
    result.add_row("of it its metrics and intervals", f"{_since(started):.2f}")
    started = time.perf_counter()
    _plain_intervals(values, config.num_resamples)
    result.add_row("its intervals, the plain way", f"{_since(started):.2f}")
    rich.print(result)
    rich.print(f"metrics in the report: {len(whole.report.lists['made'].values)}")


def _since(started: float) -> float:
    return time.perf_counter() - started


def _plain_intervals(values: dict[str, np.ndarray], num_resamples: int) -> None:
    """Resamples each metric by itself, as a loop over metrics and resamples."""
    rng = np.random.default_rng(0)
    for value in values.values():
        draws = [
            np.nanmean(value[rng.integers(0, len(value), len(value))])
            for _ in range(num_resamples)
        ]
        np.percentile(draws, [2.5, 97.5])


if __name__ == "__main__":
    main()
