r"""How far is the ranker from gradient boosting on the same features?

Claim: a network on features of the query and the impression (PAPER §4.1) orders a page
by watch time at least as well as LightGBM, the usual first choice for such tables.

    pip install -c constraints.txt '.[lightgbm]'
    python -m experiments.lightgbm_ranker --workdir=runs/world-small

The workdir needs the prepared data; where it has a ranker, that ranker's features are
used and it is measured too, else those that its config would choose. `--rankings` adds
rankers of the same data and candidates, such as other seeds.

Protocol: that of the ranker. Trees are grown on its training impressions (those before
its window too, where it has them: `ranking.least_impressions`), stopped on the
unweighted or weighted loss of its validation window, and measured on the test
impressions. `ytdnn/evaluation/boosted_trees.py` says how they read the ranker's inputs.
The sizes of the trees were chosen, of four, by the loss on the validation window of the
world below.

Three models: of clicks; of clicks weighted by their watch seconds, whose odds are
E[seconds] / (1 - P) (PAPER §4.2); and the odds of the first × E[seconds | click], of a
second model of the watched fraction of the duration (of the seconds where a log has no
durations). `new` are the impressions of videos without an id embedding.

Measured 2026-11-28 on two cores beside other work (683 s), one seed, on the run of
world_small.py (609,884 training impressions, 82 columns); `ranker` is the shipped one:

| | AUC | grouped AUC | weighted log loss | per-user loss | click log loss |
|---|---|---|---|---|---|
| popularity | 0.6223 | 0.6210 | 0.1082 | 0.2597 | 0.3903 |
| ranker | 0.7355 | 0.6971 | 0.0954 | 0.1634 | 0.3472 |
| LightGBM, click | 0.7706 | 0.7323 | – | 0.2053 | 0.3475 |
| LightGBM, weighted | 0.7321 | 0.6965 | 0.0965 | 0.1691 | – |
| LightGBM, click odds × seconds | 0.7348 | 0.6974 | 0.0952 | 0.1647 | 0.3475 |
| oracle | 0.8138 | 0.8036 | 0.0823 | 0.1090 | 0.3072 |

The claim holds here: less the last of the three, paired by user, the network's AUC is
+ 0.0007 (95 % interval + 0.0001 to + 0.0012), its grouped AUC - 0.0003 (- 0.0011 to
+ 0.0005), its per-user loss - 0.0012 (- 0.0023 to - 0.0001).
"""

import argparse
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import rich
from rich import markup, table

from ytdnn import configs
from ytdnn.base import artifacts, errors, schema
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    boosted_trees,
    impression_metrics,
    lists,
    report_parts,
    shown_lists,
    shown_scorers,
)
from ytdnn.lab.truth import oracle
from ytdnn.log import events, prepared
from ytdnn.ranking import building, model, predictions
from ytdnn.retrieval import trained_stage
from ytdnn.run.pipeline import workdir

CLICK = "LightGBM, click"
WEIGHTED = "LightGBM, click weighted by seconds"
TWO_MODELS = "LightGBM, click odds × E[seconds given a click]"
ALL, NEW = "all videos", "new videos"
METRICS = (
    metric_names.AUC,
    metric_names.GROUPED_AUC,
    metric_names.LOG_LOSS,
    metric_names.PER_USER_LOSS,
    metric_names.CLICK_LOG_LOSS,
    metric_names.FIRST_HALF,
)
PAIRED = (
    metric_names.GROUPED_AUC,
    metric_names.PER_USER_LOSS,
    metric_names.CLICK_LOG_LOSS,
    metric_names.FIRST_HALF,
)
OF_NEW = (metric_names.AUC, metric_names.PER_USER_LOSS)
# Of four sizes the best on the validation window of world_small.py.
_SETTINGS = {"num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 300}

Floats = npt.NDArray[np.float64]
Table = dict[str, dict[str, dict[str, float | None]]]
"""By model, then all or new videos, then metric; None where it is not defined."""
Differences = dict[str, dict[str, report_parts.WithInterval]]
"""By model that the ranker is compared with, then metric: value, low, high."""


def open_ranker(
    directory: pathlib.Path, data: prepared.PreparedData
) -> model.RankingModel:
    """Returns the trained ranker, or one with fresh weights of the workdir's config.

    Without trained candidates the features that ask them are left out.
    """
    config = workdir.require_config(directory).ranking
    trained, first = directory / model.KIND, directory / trained_stage.KIND
    if not trained.exists():
        found = trained_stage.load(first, data) if first.exists() else None
        return building.build(config, data, found)
    return _load(trained, first, data)


def _load(
    trained: pathlib.Path, first: pathlib.Path, data: prepared.PreparedData
) -> model.RankingModel:
    """Returns a trained ranker, with the first stage where it asks it."""
    is_asked = trained_stage.KIND in artifacts.read_manifest(trained, model.KIND).inputs
    return model.load(
        trained, data, trained_stage.load(first, data) if is_asked else None
    )


def fitted(
    data: prepared.PreparedData, read_by: model.RankingModel
) -> boosted_trees.Trees:
    """Returns trees fitted to the impressions that a ranker of a set trains on."""
    for split in (events.Split.TRAIN, events.Split.VALIDATION):
        building.require_rows(data.log, split)
    return boosted_trees.fit(data, read_by, [_SETTINGS])


def models(
    trees: boosted_trees.Trees,
    part: boosted_trees.Inputs,
    listed: boosted_trees.Inputs,
) -> dict[str, predictions.Predictions]:
    """Returns the predictions of each model for impressions, by its name.

    Args:
      trees: The fitted trees.
      part: The impressions.
      listed: The same, read when each user's list began.
    """
    both = trees.predict(part, listed)
    chance, of_list = both.click_probability, both.list_terms[schema.CLICKED]
    if chance is None or part.shown.seconds is None:
        return {CLICK: both}
    odds = trees.grown("binary", lambda known: known.shown.weights)
    weighted, then = (
        np.asarray(odds.predict(trees.encoding.matrix(one), raw_score=True))
        for one in (part, listed)
    )
    return {
        CLICK: predictions.Predictions(
            chance, click_probability=chance, listed=of_list
        ),
        WEIGHTED: predictions.Predictions(weighted, logits=weighted, listed=then),
        TWO_MODELS: both,
    }


def numbers(
    shown: shown_scorers.SplitImpressions,
    keep: npt.NDArray[np.bool_],
    found: predictions.Predictions,
) -> dict[str, float | None]:
    """Returns the metrics of the impressions that `keep` marks."""

    def array(values: Any) -> Any:
        return None if values is None else values[keep]

    kept = predictions.Predictions(
        order=found.order[keep],
        seconds=array(found.seconds),
        click_probability=array(found.click_probability),
        logits=array(found.logits),
        listed=array(found.listed),
    )
    config = configs.EvaluationConfig(num_resamples=1)
    entry, _ = impression_metrics.measure(shown.select(keep), kept, config)
    return dict(entry.values)


def others(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions
) -> dict[str, predictions.Predictions]:
    """Returns what popularity and the world's oracle predict."""
    scorers = {shown_scorers.POPULARITY: shown_scorers.popularity(data)}
    known = oracle.systems(data, configs.EvaluationConfig()).scorers
    scorers |= {name: known[name] for name in (lists.ORACLE,) if name in known}
    return {name: scorer(shown) for name, scorer in scorers.items()}


def differences(
    shown: shown_scorers.SplitImpressions,
    found: dict[str, predictions.Predictions],
    own: str,
) -> Differences:
    """Returns a ranker's metrics less each other's, with intervals paired by user.

    Args:
      shown: The test impressions.
      found: Predictions of each model, the ranker among them.
      own: Name of the ranker.
    """
    config = configs.EvaluationConfig()
    parts: dict[str, impression_metrics.Parts] = {}
    draws: dict[str, Floats] = {}
    values: dict[str, float] = {}
    for name, one in found.items():
        entry, of_users = impression_metrics.measure(
            shown, one, configs.EvaluationConfig(num_resamples=1)
        )
        parts[name] = {k: v for k, v in of_users.items() if k in PAIRED}
        by_clicks = impression_metrics.click_orders(shown, one)
        if by_clicks is not None:
            draws[name] = impression_metrics.auc_draws(shown, by_clicks[0], config)
            values[name] = entry.values[metric_names.AUC] or 0.0
    result: Differences = {}
    for name in found.keys() - {own}:
        both = {k: parts[k].keys() for k in (own, name)}
        kept = both[own] & both[name]
        pair = {k: {m: parts[k][m] for m in sorted(kept)} for k in both}
        ahead = shown_lists.resampled(pair, config).ahead(own, name)
        if own in draws and name in draws:
            drawn = (draws[own] - draws[name])[:, np.newaxis]
            low, high = bootstrap.percentiles(drawn)
            area = values[own] - values[name]
            ahead[metric_names.AUC] = (area, float(low[0]), float(high[0]))
        result[name] = ahead
    return result


def rankers(
    data: prepared.PreparedData,
    directory: pathlib.Path,
    further: Sequence[pathlib.Path],
) -> dict[str, model.RankingModel]:
    """Returns the trained rankers by name: that of the workdir, and further ones."""
    own = directory / model.KIND
    paths = {shown_scorers.RANKER: own} if own.exists() else {}
    paths |= {f"{shown_scorers.RANKER}, {path.name}": path for path in further}
    first = directory / trained_stage.KIND
    return {name: _load(path, first, data) for name, path in paths.items()}


def measure(
    directory: pathlib.Path, further: Sequence[pathlib.Path] = ()
) -> tuple[Table, dict[str, Differences]]:
    """Returns the metrics of every model, and what each ranker is ahead of the others.

    Args:
      directory: The workdir.
      further: Artefacts of rankers of the same data and candidates.
    """
    data = prepared.load(directory / prepared.KIND)
    read_by = open_ranker(directory, data)
    trees = fitted(data, read_by)
    shown = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    part, listed = (
        boosted_trees.read(data, read_by, shown, as_lists) for as_lists in (False, True)
    )
    found = others(data, shown)
    others_of = found | models(trees, part, listed)
    own = {
        name: shown_scorers.scorer(data, one)(shown)
        for name, one in rankers(data, directory, further).items()
    }
    found = {**found, **own, **others_of}
    kept = {
        ALL: np.ones(len(shown.rows), bool),
        NEW: shown.videos > data.vocabulary_size,
    }
    ahead = {
        name: differences(shown, {**others_of, name: one}, name)
        for name, one in own.items()
    }
    measured = {
        name: {where: numbers(shown, keep, one) for where, keep in kept.items()}
        for name, one in found.items()
    }
    return measured, ahead


def show_differences(own: str, found: Differences) -> table.Table:
    """Returns what a ranker is ahead of each other model as a table."""
    result = table.Table(title=f"{own} less", caption="95 %, paired by user")
    metrics = [m for m in (metric_names.AUC, *PAIRED) if found]
    for heading in ("", *metrics):
        result.add_column(heading.replace("_", " "), overflow="fold", min_width=6)
    for name, ahead in found.items():
        cells = []
        for metric in metrics:
            value, low, high = ahead.get(metric, (None, None, None))
            known = None not in (value, low, high)
            cells.append(f"{value:+.4f} ({low:+.4f}, {high:+.4f})" if known else "–")
        result.add_row(markup.escape(name), *cells)
    return result


def show(found: Table) -> table.Table:
    """Returns the metrics as a table."""
    result = table.Table(title="test impressions", caption=f"{NEW}: last two columns")
    result.add_column("", overflow="fold", min_width=16)
    for heading in (*METRICS, *(f"{metric}, new" for metric in OF_NEW)):
        words = heading.replace("_", " ")
        result.add_column(words, justify="right", overflow="fold", min_width=6)
    for name, parts in found.items():
        values = [parts[ALL].get(metric) for metric in METRICS]
        values += [parts[NEW].get(metric) for metric in OF_NEW]
        cells = ["–" if value is None else f"{value:.4f}" for value in values]
        result.add_row(markup.escape(name), *cells)
    return result


def main() -> None:
    """Trains on a prepared workdir and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--rankings", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--results", type=pathlib.Path, help="JSON file to write")
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        found, ahead = measure(given.workdir, given.rankings)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    rich.print(show(found))
    for name, less in ahead.items():
        rich.print(show_differences(name, less))
    if given.results is not None:
        artifacts.write_json(given.results, {"test": found, "ranker_less": ahead})
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
