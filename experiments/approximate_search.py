r"""Does approximate search make recommendations worse?

Claim: the results of a live test were not particularly sensitive to the choice of the
nearest-neighbour search (PAPER §3.1): candidates and pages of ScaNN and of hashing are
worth as much as those of exact search, long before they find all that it finds.

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small
    python -m experiments.approximate_search --workdir=runs/world-small

Protocol: temporal. The candidates of each test user (3,000 of them, drawn once) when
the test window begins come from each index with more or less effort, watched videos
removed, asked for as many more as a user has watched, as serving does; the run's other
sources, ranker and composition are the same. Recall is against the exact list of the
network's candidates; pages of ten are valued by the world's truth, as differences to
those of exact search, paired by user, with 95 % intervals.

Measured 2026-11-25 on two cores beside other work, 17,050 videos; milliseconds are of a
single query, the least effort is what the length of the list needs:

| index | recall | ms | true watch s@10 | true clicks@10 | hit rate@10 |
|---|---|---|---|---|---|
| exact | 1 | 0.82 | 2,354 | 3.252 | .229 |
| ScaNN, 30 % of the leaves | .989 | 1.81 | + 1 ± 2 | − .001 ± .002 | + .000 ± .002 |
| ScaNN, least effort | .820 | 0.71 | + 15 ± 10 | + .002 ± .009 | − .001 ± .005 |
| LSH, 30 % of the videos | .624 | 1.58 | − 49 ± 19 | − .056 ± .014 | + .005 ± .007 |
| LSH, least effort | .393 | 1.24 | − 117 ± 25 | − .080 ± .018 | + .005 ± .009 |

The claim holds: with a fifth of the candidates others a page is worth no less, with a
third 2 % less, with three fifths 5 %.
"""

import argparse
import dataclasses
import pathlib
import runpy
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import rich
from rich import table

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.bundle import batches
from ytdnn.evaluation import (
    composed_slates,
    index_search,
    list_metrics,
    lists,
    user_cases,
)
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.retrieval.index import brute_force, interface, scann_index
from ytdnn.run.pipeline import workdir

# The least effort is what the length of the list needs at least.
_SCANN_LEAVES = (0.3, 0.001)
_LSH_SCORED = (0.3, 0.001)
_EXAMPLE = pathlib.Path(__file__).parents[1] / "docs" / "examples" / "lsh_index.py"
_USERS_A_SEARCH = 64
_HIT_RATE, _HIT_SECONDS = "hit_rate@10", "hit_watch_seconds@10"
_TRUE_SECONDS, _TRUE_CLICKS = "true_watch_seconds@10", "true_clicks@10"
METRICS = (_TRUE_SECONDS, _TRUE_CLICKS, _HIT_RATE, _HIT_SECONDS)
_PAGE = 10
_Z = 1.96

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Run:
    """What all searches share.

    Attributes:
      config: Of the run.
      data: The prepared set.
      stage: Its candidates.
      ranker: Its ranker.
      cases: The test users asked.
      vectors: `[cases, dim] float32` of them.
    """

    config: configs.Config
    data: prepared.PreparedData
    stage: trained_stage.FirstStage
    ranker: ranking_model.RankingModel
    cases: user_cases.Cases
    vectors: interface.Vectors

    @classmethod
    def load(cls, directory: pathlib.Path, num_users: int) -> "Run":
        """Loads what a workdir holds, and draws the users."""
        config = workdir.require_config(directory)
        data = prepared.load(directory / prepared.KIND)
        stage = trained_stage.load(
            directory / trained_stage.KIND, data, config.composition
        )
        path = directory / ranking_model.KIND
        ranker = ranking_model.load(path, data, stage)
        cases = user_cases.cases(
            data,
            events.Split.TEST,
            config.evaluation,
            stage.candidates.num_listed,
        )
        rng = np.random.default_rng(config.evaluation.seed)
        size = min(num_users, len(cases))
        cases = user_cases.take(cases, np.sort(rng.permutation(len(cases))[:size]))
        vectors = stage.candidates.user_vectors(
            data, cases.users, cases.ends, cases.times
        )
        return cls(config, data, stage, ranker, cases, vectors)


def indexes(vectors: interface.Vectors) -> Iterator[tuple[str, interface.Index[Any]]]:
    """Yields each index, the exact one first, with its name; one build a kind."""
    yield "exact", brute_force.BruteForce.build(vectors, configs.ExactConfig())
    if scann_index.is_available():
        # A tree whatever the size: the question is what searching less of it costs.
        config = configs.ScannConfig(
            num_leaves=scann_index.leaves_by_size(len(vectors))
        )
        tree = scann_index.Scann.build(vectors, config)
        for share in _SCANN_LEAVES:
            tree.module.adjust(
                configs.changed(config, {"leaves_to_search_fraction": share})
            )
            yield f"ScaNN, {share:.1%} of the leaves", tree
    example = runpy.run_path(str(_EXAMPLE))
    hashed = example["Lsh"].build(vectors, example["LshConfig"]())
    for share in _LSH_SCORED:
        hashed.module.adjust(example["LshConfig"](scored_fraction=share))
        yield f"LSH, {share:.1%} of the videos", hashed


def page(run: Run, index: interface.Index[Any]) -> lists.Lists:
    """Returns the pages of ten when the network's candidates come from an index."""

    def nearest(cases: user_cases.Cases, k: int) -> lists.Lists:
        found = np.zeros((len(cases), k), np.int32)
        for part in batches.group_by_length(cases.watched.sizes, _USERS_A_SEARCH):
            asked = user_cases.take(cases, part)
            number = min(k + int(asked.watched.sizes.max()), index.num_videos)
            near = index.search(run.vectors[part], number)[0]
            kept = lists.closed_up(asked, near, k)
            found[part, : kept.shape[1]] = kept
        return found

    composition = run.config.composition
    sources = run.stage.other_sources
    pooled = composed_slates.pooled(nearest, sources, composition, run.data)
    order = composed_slates.order(run.data, composition)
    number = composition.num_candidates
    made = lists.composed(run.data, pooled, run.ranker, number, order)
    return made(run.cases, _PAGE)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One search.

    Attributes:
      name: Its index and effort.
      recall: Of the exact list of candidates.
      milliseconds: Median of a single query.
      values: `[cases]` of each metric of the page.
    """

    name: str
    recall: float
    milliseconds: float
    values: dict[str, Floats]


def measure(run: Run) -> list[Measured]:
    """Returns every search measured, exact search first."""
    evaluation = configs.changed(
        run.config.evaluation, {"ks": (_PAGE,), "num_resamples": 1}
    )
    context = list_metrics.Context(run.data, run.cases, evaluation)
    number = run.config.composition.num_candidates
    found: list[Measured] = []
    exact: interface.Index[Any] | None = None
    for name, index in indexes(run.stage.candidates.video_vectors()):
        exact = index if exact is None else exact
        _, values = list_metrics.measure_lists(context, page(run, index))
        queries = run.vectors[:1_000]
        found.append(
            Measured(
                name=name,
                recall=index_search.recall(index, exact, queries, number),
                milliseconds=index_search.latency({name: index}, queries, number)[
                    f"{name}_search_ms"
                ],
                values={m: values[m] for m in METRICS if m in values},
            )
        )
        rich.print(f"  {name}: recall {found[-1].recall:.3f}")
    return found


def show(found: Sequence[Measured]) -> table.Table:
    """Returns exact search's values, and the differences of the others."""
    first = found[0]
    result = table.Table(title="pages of ten; differences to exact search below it")
    for heading in ("index", "recall", "ms", *first.values):
        result.add_column(heading.replace("_", " "), overflow="fold")
    for one in found:
        cells = [one.name, f"{one.recall:.3f}", f"{one.milliseconds:.2f}"]
        for name, values in one.values.items():
            cells.append(_cell(values, None if one is first else first.values[name]))
        result.add_row(*cells)
    return result


def _cell(values: Floats, baseline: Floats | None) -> str:
    if baseline is None:
        return f"{np.nanmean(values):.4g}"
    paired = values - baseline
    error = _Z * np.nanstd(paired) / np.sqrt(len(paired))
    return f"{np.nanmean(paired):+.3g} ± {error:.2g}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Searches, composes and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--users", type=int, default=3_000)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        found = measure(Run.load(options.workdir, options.users))
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    rich.print(show(found))
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
