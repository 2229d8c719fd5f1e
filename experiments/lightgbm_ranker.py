r"""How far is the ranker from gradient boosting on the same features?

Claim: a network on features of the query and the impression (PAPER §4.1) orders a page
by watch time at least as well as LightGBM, the usual first choice for such tables.

    pip install -c constraints.txt '.[experiments]'
    python -m experiments.lightgbm_ranker --workdir=runs/world-small

The workdir needs the prepared data; where it has a ranker, that ranker's features are
used and it is measured too, else those that its config would choose. `--rankings` adds
rankers of the same data and candidates, such as other seeds.

Protocol: that of the ranker. Trees are grown on its training impressions (those before
its window too, where it has them: `ranking.least_impressions`), stopped on the
unweighted or weighted loss of its validation window, and measured on the test
impressions. Training-only features, as the position, have the median of their training
values there: a value declared as missing is no neutral one to a tree. Numbers enter as
they are. Indices of at most 128 values are categories; of more values, the video shown
among them, two numbers stand for the index: its click rate and seconds an impression
in the training window, smoothed, for a training impression those before it alone. The
history of watches is left out: trees cannot average embeddings. The sizes of the trees
were chosen, of four, by the loss on the validation window of the world below.

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
import dataclasses
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import rich
from rich import markup, table

from ytdnn import configs
from ytdnn.base import artifacts, errors, ragged, schema
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    impression_metrics,
    lists,
    ranker,
    report_parts,
    shown_lists,
)
from ytdnn.features import base_feature, past_sums
from ytdnn.lab.truth import oracle
from ytdnn.log import added_impressions, events, prepared
from ytdnn.ranking import building, inputs, model, predictions
from ytdnn.retrieval import stage
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
_MOST_CATEGORIES = 128
_SMOOTHING_IMPRESSIONS = 20.0
_ROWS_A_STEP = 1 << 16
_LEAST = 1e-9
_BOOSTING = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 300,
    "lambda_l2": 10.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "cat_smooth": 20.0,
    "deterministic": True,
    "seed": 0,
    "verbosity": -1,
}
_ROUNDS, _PATIENCE = 3_000, 50

Columns = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]
Table = dict[str, dict[str, dict[str, float | None]]]
"""By model, then all or new videos, then metric; None where it is not defined."""
Differences = dict[str, dict[str, report_parts.WithInterval]]
"""By model that the ranker is compared with, then metric: value, low, high."""


@dataclasses.dataclass(frozen=True)
class Part:
    """The impressions of a split as the trees read them.

    Attributes:
      columns: `[n]` each, by name; integers are indices, 0 = unknown.
      shown: The impressions themselves.
      times: `[n]`, seconds since the epoch.
      durations: `[n]` seconds of their videos, 0 where not known.
    """

    columns: Columns
    shown: ranker.SplitImpressions
    times: npt.NDArray[np.int64]
    durations: Floats


def open_ranker(
    directory: pathlib.Path, data: prepared.PreparedData
) -> model.RankingModel:
    """Returns the trained ranker, or one with fresh weights of the workdir's config.

    Without trained candidates the features that ask them are left out.
    """
    config = workdir.require_config(directory).ranking
    trained, first = directory / model.KIND, directory / stage.KIND
    if not trained.exists():
        found = stage.load(first, data) if first.exists() else None
        return building.build(config, data, found)
    return _load(trained, first, data)


def _load(
    trained: pathlib.Path, first: pathlib.Path, data: prepared.PreparedData
) -> model.RankingModel:
    """Returns a trained ranker, with the first stage where it asks it."""
    is_asked = stage.KIND in artifacts.read_manifest(trained, model.KIND).inputs
    return model.load(trained, data, stage.load(first, data) if is_asked else None)


def read(
    data: prepared.PreparedData,
    log: inputs.ImpressionLog,
    split: events.Split,
    as_lists: bool = False,
) -> Part:
    """Reads the ranker's tensors of the impressions of a split.

    Args:
      data: The prepared set.
      log: The features, opened on it.
      split: Which impressions.
      as_lists: Whether each user's past ends where the user's first impression begins,
        as for metrics of lists (`ytdnn.evaluation.ranker.scorer`).
    """
    shown = ranker.SplitImpressions(data.log, split)
    if not len(shown.rows):
        raise errors.UserError(
            f"expected impressions in the ranker's {split.name.lower()} window, found "
            f"none in {data.directory}: change data.ranking_fraction or "
            f"data.validation_fraction"
        )
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for start in range(0, len(shown.rows), _ROWS_A_STEP):
        part = slice(start, start + _ROWS_A_STEP)
        then = shown.list_starts[part] if as_lists else None
        for name, values in log.impressions(shown.rows[part], then).items():
            if name != schema.HISTORY_VIDEOS:
                parts.setdefault(name, []).append(values.numpy())
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    return Part(
        columns=dict(_flat(columns)),
        shown=shown,
        times=np.asarray(data.impressions.times)[shown.rows],
        durations=past_sums.durations(data.catalogue)[shown.videos],
    )


def _flat(columns: Columns) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yields every number of every tensor as a column of its own."""
    for name, values in columns.items():
        wide = values.reshape(len(values), -1)
        for place in range(wide.shape[1]):
            yield name if wide.shape[1] == 1 else f"{name}.{place}", wide[:, place]


class Encoding:
    """What columns become numbers and categories, from the training part.

    Attributes:
      categorical: Places of the categories among the columns of a matrix.
    """

    def __init__(self, training: Part) -> None:
        """Finds which columns have too many values to be categories."""
        self._training = training
        indices = {
            name: int(values.max(initial=0))
            for name, values in training.columns.items()
            if np.issubdtype(values.dtype, np.integer)
        }
        many = [name for name, size in indices.items() if size > _MOST_CATEGORIES]
        self._plain = [name for name in training.columns if name not in many]
        self._joins = {
            name: ragged.Earlier(training.columns[name], training.times)
            for name in many
        }
        self.categorical = [
            place for place, name in enumerate(self._plain) if name in indices
        ]

    def matrix(self, part: Part) -> npt.NDArray[np.float32]:
        """Returns `[n, columns]`, the categories first among them by place."""
        plain = [part.columns[name] for name in self._plain]
        made = [
            column
            for name, join in self._joins.items()
            for column in self._statistics(join, part, part.columns[name])
        ]
        return np.column_stack([*plain, *made]).astype(np.float32)

    def _statistics(
        self, join: ragged.Earlier, part: Part, indices: npt.NDArray[np.integer]
    ) -> Iterator[Floats]:
        """Yields click rate and seconds an impression of each index.

        Of training impressions before the part's own.
        """
        training = self._training.shown
        count = join.count(indices, part.times)
        for values in (training.clicked, training.weights * training.clicked):
            total = join.sum(values, indices, part.times)
            prior = _SMOOTHING_IMPRESSIONS * float(np.mean(values))
            yield (total + prior) / (count + _SMOOTHING_IMPRESSIONS)


@dataclasses.dataclass(frozen=True)
class Matrices:
    """What the models are trained on, validated on and asked for."""

    training: npt.NDArray[np.float32]
    validation: npt.NDArray[np.float32]
    asked: npt.NDArray[np.float32]
    categorical: list[int]


@dataclasses.dataclass(frozen=True)
class Target:
    """What one model is fitted to.

    Attributes:
      objective: LightGBM's.
      values: `[n]` of training and of validation.
      weights: `[n]` likewise, 0 = left out.
    """

    objective: str
    values: tuple[Floats, Floats]
    weights: tuple[Floats, Floats]


def boosted(matrices: Matrices, target: Target) -> Floats:
    """Trains with early stopping and returns the raw scores of what is asked."""
    import lightgbm

    made: list[lightgbm.Dataset] = []
    both = (matrices.training, matrices.validation)
    for matrix, values, weights in zip(
        both, target.values, target.weights, strict=True
    ):
        kept = weights > 0.0
        scale = float(weights[kept].mean()) if kept.any() else 1.0
        made.append(
            lightgbm.Dataset(
                matrix[kept],
                values[kept],
                weight=weights[kept] / scale,
                categorical_feature=matrices.categorical,
                reference=made[0] if made else None,
            )
        )
    stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
    trees = lightgbm.train(
        {**_BOOSTING, "objective": target.objective},
        made[0],
        _ROUNDS,
        valid_sets=[made[1]],
        callbacks=[stop],
    )
    rich.print(f"  {target.objective}: {trees.best_iteration} trees")
    scores: Floats = np.asarray(trees.predict(matrices.asked, raw_score=True))
    return scores


def models(
    parts: Sequence[Part], matrices: Matrices
) -> dict[str, predictions.Predictions]:
    """Trains the models and returns what each predicts of the test impressions.

    Args:
      parts: Training, validation, test, and test as lists.
      matrices: Of the same.
    """
    first, second, *asked = parts
    known = first.shown, second.shown
    clicked = known[0].clicked.astype(float), known[1].clicked.astype(float)
    ones = np.ones(len(clicked[0])), np.ones(len(clicked[1]))
    weights = known[0].weights, known[1].weights
    click = boosted(matrices, Target("binary", clicked, ones))
    chance = 1.0 / (1.0 + np.exp(-click))
    found = {CLICK: _split(click, click_probability=chance)}
    if known[0].seconds is None:
        return found
    odds = boosted(matrices, Target("binary", clicked, weights))
    found[WEIGHTED] = _split(odds, logits=odds)
    durations = np.concatenate([part.durations for part in asked])
    if (durations > 0.0).all():
        fractions = _fraction(first), _fraction(second)
        raw = boosted(matrices, Target("cross_entropy", fractions, clicked))
        seconds = durations / (1.0 + np.exp(-raw))
    else:
        watched = np.maximum(weights[0], _LEAST), np.maximum(weights[1], _LEAST)
        seconds = np.exp(boosted(matrices, Target("gamma", watched, clicked)))
    order = click + np.log(np.maximum(seconds, _LEAST))
    found[TWO_MODELS] = _split(
        order, seconds=chance * seconds, click_probability=chance
    )
    return found


def _split(
    order: Floats,
    seconds: Floats | None = None,
    click_probability: Floats | None = None,
    logits: Floats | None = None,
) -> predictions.Predictions:
    """Returns predictions of `[2 n]`: of impressions, and of the same as lists."""
    half = len(order) // 2
    seconds, chances, odds = (
        None if values is None else values[:half]
        for values in (seconds, click_probability, logits)
    )
    return predictions.Predictions(
        order[:half], seconds, chances, odds, listed=order[half:]
    )


def _fraction(part: Part) -> Floats:
    """Returns the watched share of each video's duration, at most 1."""
    return np.clip(part.shown.weights / np.maximum(part.durations, 1.0), 0.0, 1.0)


def numbers(
    shown: ranker.SplitImpressions,
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
    data: prepared.PreparedData, shown: ranker.SplitImpressions
) -> dict[str, predictions.Predictions]:
    """Returns what popularity and the world's oracle predict."""
    scorers = {ranker.POPULARITY: ranker.popularity(data)}
    known = oracle.systems(data, configs.EvaluationConfig()).scorers
    scorers |= {name: known[name] for name in (lists.ORACLE,) if name in known}
    return {name: scorer(shown) for name, scorer in scorers.items()}


def made_neutral(name: str, training: Part, _: Part, *asked: Part) -> None:
    """Gives a training-only column of what is asked the median of its training."""
    values = training.columns[name]
    for part in asked:
        part.columns[name] = np.full(
            len(part.columns[name]), np.median(values), values.dtype
        )


def differences(
    shown: ranker.SplitImpressions,
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
    paths = {ranker.RANKER: own} if own.exists() else {}
    paths |= {f"{ranker.RANKER}, {path.name}": path for path in further}
    first = directory / stage.KIND
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
    data = added_impressions.with_earlier_impressions(
        data, read_by.config.least_impressions
    )
    splits = (events.Split.TRAIN, events.Split.VALIDATION, events.Split.TEST)
    parts = [
        read(data, read_by.open_log(data, split is events.Split.TEST), split)
        for split in splits
    ]
    parts.append(read(data, read_by.open_log(data), events.Split.TEST, as_lists=True))
    for feature in read_by.features:
        if isinstance(feature, base_feature.TrainingOnly):
            made_neutral(feature.name, *parts)
    encoding = Encoding(parts[0])
    training, validation, *both = map(encoding.matrix, parts)
    rich.print(f"{len(training):,} impressions × {training.shape[1]} columns")
    asked = np.concatenate(both)
    matrices = Matrices(training, validation, asked, encoding.categorical)
    shown = parts[2].shown
    found = others(data, shown)
    others_of = found | models(parts, matrices)
    own = {
        name: ranker.scorer(data, one)(shown)
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
