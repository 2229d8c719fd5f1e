r"""How far is the ranker from gradient boosting on the same features?

Claim: a network on features of the query and the impression (PAPER §4.1) orders a page
by watch time at least as well as LightGBM, the usual first choice for such tables.

    pip install -c constraints.txt '.[experiments]'
    python -m experiments.lightgbm_ranker --workdir=runs/world-small

The workdir needs the prepared data; where it has a ranker, that ranker's features are
used and it is measured beside, else those that its config would choose.

Protocol: that of the ranker. Trees are grown on its training window, stopped on the
unweighted or weighted loss of its validation window, and measured on the test
impressions; training-only features have their training value in training and their
declared value everywhere else. Numbers enter as they are. Indices of at most 128 values
are categories; of more values, the video shown among them, two numbers stand for the
index: its click rate and seconds an impression in the training window, smoothed, for a
training impression those before it alone. The history of watches is left out: trees
cannot average embeddings.

Three models: of clicks; of clicks weighted by their watch seconds, whose odds are
E[seconds] / (1 - P) (PAPER §4.2); and the odds of the first × E[seconds | click], of a
second model of the watched fraction of the duration (of the seconds where a log has no
durations). `new videos` are those without an id embedding.
"""

import argparse
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import rich
from rich import table

from ytdnn import configs, errors, ragged, schema
from ytdnn.data import prepared
from ytdnn.evaluation import lists, oracle, ranker
from ytdnn.features import interface, registry
from ytdnn.metrics import binary, per_user_loss
from ytdnn.pipeline import workdir
from ytdnn.ranking import inputs, model

CLICK = "LightGBM, click"
WEIGHTED = "LightGBM, click weighted by seconds"
TWO_MODELS = "LightGBM, click odds × E[seconds given a click]"
ALL, NEW = "all videos", "new videos"
METRICS = (ranker.AUC, ranker.GROUPED_AUC, ranker.LOG_LOSS, ranker.PER_USER_LOSS)
# Of scores that are no odds by watch time the weighted loss says nothing.
_NO_SECONDS = (CLICK,)
_MOST_CATEGORIES = 128
_SMOOTHING_IMPRESSIONS = 20.0
_ROWS_A_STEP = 1 << 16
_LEAST = 1e-9
_BOOSTING = {
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 100,
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


@dataclasses.dataclass(frozen=True)
class Part:
    """The impressions of a split as the trees read them.

    Attributes:
      columns: `[n]` each, by name; integers are indices, 0 = unknown.
      shown: The impressions themselves.
      times: `[n]`, seconds since the epoch.
      durations: `[n]` seconds of their videos, NaN where not known.
    """

    columns: Columns
    shown: ranker.Impressions
    times: npt.NDArray[np.int64]
    durations: Floats


Opener = Callable[[bool], inputs.ImpressionLog]


def open_features(directory: pathlib.Path, data: prepared.PreparedData) -> Opener:
    """Returns what opens the ranker's log, for training (False) or serving (True).

    Of the trained ranker where there is one, else of the features that the workdir's
    config chooses.
    """
    if (directory / model.KIND).exists():
        trained = model.load(directory / model.KIND, data)
        return lambda serving: trained.open_log(data, serving)
    config = workdir.require_config(directory).ranking
    chosen = registry.choose(interface.RANKING, data, config.features)
    return lambda serving: inputs.ImpressionLog(data, chosen, 1, serving)


def read(
    data: prepared.PreparedData, log: inputs.ImpressionLog, split: prepared.Split
) -> Part:
    """Reads the ranker's tensors of the impressions of a split."""
    shown = ranker.Impressions(data, split)
    if not len(shown.rows):
        raise errors.UserError(
            f"expected impressions in the ranker's {split.name.lower()} window, found "
            f"none in {data.directory}: change data.ranking_fraction or "
            f"data.validation_fraction"
        )
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for start in range(0, len(shown.rows), _ROWS_A_STEP):
        rows = shown.rows[start : start + _ROWS_A_STEP]
        for name, values in log.impressions(rows).items():
            if name != schema.HISTORY_VIDEOS:
                parts.setdefault(name, []).append(values.numpy())
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    return Part(
        columns=dict(_flat(columns)),
        shown=shown,
        times=np.asarray(data.impressions.times)[shown.rows],
        durations=_durations(data)[shown.videos],
    )


def _flat(columns: Columns) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yields every number of every tensor as a column of its own."""
    for name, values in columns.items():
        wide = values.reshape(len(values), -1)
        for place in range(wide.shape[1]):
            yield name if wide.shape[1] == 1 else f"{name}.{place}", wide[:, place]


def _durations(data: prepared.PreparedData) -> Floats:
    """Returns seconds by video index, NaN where not known."""
    nothing = np.full(data.num_videos + 1, np.nan)
    if schema.DURATION_SECONDS not in data.videos.columns:
        return nothing
    column = data.videos[schema.DURATION_SECONDS].cast(pl.Float64).fill_null(np.nan)
    return np.append(np.nan, column.to_numpy())


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


def models(parts: Sequence[Part], matrices: Matrices) -> dict[str, Floats]:
    """Trains the models and returns the logits of each on the test impressions.

    Args:
      parts: Training, validation and test.
      matrices: Of the same.
    """
    first, second, asked = parts
    known = first.shown, second.shown
    clicked = known[0].clicked.astype(float), known[1].clicked.astype(float)
    ones = np.ones(len(clicked[0])), np.ones(len(clicked[1]))
    weights = known[0].weights, known[1].weights
    click = boosted(matrices, Target("binary", clicked, ones))
    found = {CLICK: click}
    if known[0].seconds is None:
        return found
    found[WEIGHTED] = boosted(matrices, Target("binary", clicked, weights))
    durations = np.where(asked.durations > 0.0, asked.durations, np.nan)
    if np.isfinite(durations).all():
        fractions = _fraction(first), _fraction(second)
        raw = boosted(matrices, Target("cross_entropy", fractions, clicked))
        seconds = durations / (1.0 + np.exp(-raw))
    else:
        watched = np.maximum(weights[0], _LEAST), np.maximum(weights[1], _LEAST)
        seconds = np.exp(boosted(matrices, Target("gamma", watched, clicked)))
    found[TWO_MODELS] = click + np.log(np.maximum(seconds, _LEAST))
    return found


def _fraction(part: Part) -> Floats:
    """Returns the watched share of each video's duration, at most 1."""
    lengths = np.maximum(np.nan_to_num(part.durations), 1.0)
    return np.clip(part.shown.weights / lengths, 0.0, 1.0)


def numbers(
    shown: ranker.Impressions, keep: npt.NDArray[np.bool_], logits: Floats
) -> dict[str, float]:
    """Returns the metrics of the impressions that `keep` marks."""
    clicked, scores, users = shown.clicked[keep], logits[keep], shown.users[keep]
    within = binary.grouped_auc(users, clicked, scores, shown.num_users)
    sizes = np.bincount(users, minlength=shown.num_users) * np.isfinite(within)
    seconds = None if shown.seconds is None else shown.seconds[keep]
    return {
        ranker.AUC: binary.auc(clicked, scores),
        ranker.GROUPED_AUC: float(np.nan_to_num(within) @ sizes / max(sizes.sum(), 1)),
        ranker.LOG_LOSS: binary.log_loss(clicked, scores, shown.weights[keep]),
        ranker.PER_USER_LOSS: per_user_loss.weighted_per_user_loss(
            shown.pages[keep], clicked, scores, seconds
        ),
    }


def others(
    directory: pathlib.Path, data: prepared.PreparedData, shown: ranker.Impressions
) -> dict[str, Floats]:
    """Returns the logits of popularity, the trained ranker and the world's oracle."""
    found = {ranker.POPULARITY: ranker.popularity_logits(data, shown)}
    if (directory / model.KIND).exists():
        trained = model.load(directory / model.KIND, data)
        found[ranker.RANKER] = trained.scores(data, shown.rows).astype(np.float64)
    scorers = oracle.systems(data, configs.Evaluation()).scorers
    if lists.ORACLE in scorers:
        found[lists.ORACLE] = np.asarray(scorers[lists.ORACLE](shown), np.float64)
    return found


def measure(directory: pathlib.Path) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the metrics of every model, of all videos and of new ones."""
    data = prepared.load(directory / prepared.KIND)
    opened = open_features(directory, data)
    splits = (prepared.Split.TRAIN, prepared.Split.VALIDATION, prepared.Split.TEST)
    parts = [
        read(data, opened(split is not prepared.Split.TRAIN), split) for split in splits
    ]
    encoding = Encoding(parts[0])
    training, validation, asked = map(encoding.matrix, parts)
    rich.print(f"{len(training):,} impressions × {training.shape[1]} columns")
    matrices = Matrices(training, validation, asked, encoding.categorical)
    shown = parts[2].shown
    found = others(directory, data, shown) | models(parts, matrices)
    kept = {
        ALL: np.ones(len(shown.rows), bool),
        NEW: shown.videos > data.vocabulary_size,
    }
    return {
        name: {where: numbers(shown, keep, logits) for where, keep in kept.items()}
        for name, logits in found.items()
    }


def show(found: dict[str, dict[str, dict[str, float]]]) -> table.Table:
    """Returns the metrics as a table."""
    result = table.Table(title="test impressions", caption=f"{NEW}: last two columns")
    result.add_column("", overflow="fold")
    for heading in (*METRICS, f"{ranker.AUC}, new", f"{ranker.PER_USER_LOSS}, new"):
        result.add_column(heading, justify="right")
    for name, parts in found.items():
        cells = [
            "–"
            if metric == ranker.LOG_LOSS and name in _NO_SECONDS
            else f"{parts[where][metric]:.4f}"
            for where, metric in (
                *((ALL, metric) for metric in METRICS),
                (NEW, ranker.AUC),
                (NEW, ranker.PER_USER_LOSS),
            )
        ]
        result.add_row(name, *cells)
    return result


def main() -> None:
    """Trains on a prepared workdir and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    directory = parser.parse_args().workdir
    started = time.perf_counter()
    try:
        found = measure(directory)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    rich.print(show(found))
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
