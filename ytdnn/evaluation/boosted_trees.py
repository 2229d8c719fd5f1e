"""LightGBM on the inputs of the ranker, as a baseline of impressions.

`evaluation.baselines=auto,lightgbm` fits two models to the ranker's training
impressions: of clicks, and of the watched fraction of a clicked video's duration (of
the seconds where a log lacks durations). The order is click odds × E[seconds | click].
Of each model the leaves and learning rate with the smallest loss on the ranker's
validation window are kept.

Numbers enter as they are. Indices of at most 128 values are categories; of more values,
the video shown among them, two numbers stand for the index: its click rate and seconds
an impression in training, smoothed, for a training impression those before it alone.
Histories of watches are left out: trees cannot average embeddings. A training-only
feature, as the position, has its median of training in all that is predicted.
"""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, errors, progress, ragged
from ytdnn.evaluation import shown_scorers
from ytdnn.features import base_feature, past_sums
from ytdnn.log import earlier_impressions, events, prepared
from ytdnn.ranking import model, predictions

LIGHTGBM = "lightgbm"
_GRID = tuple(
    {"num_leaves": leaves, "learning_rate": rate}
    for leaves in (7, 15, 31)
    for rate in (0.025, 0.05, 0.1)
)
_BOOSTING = {
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
_MOST_CATEGORIES = 128
_MOST_IMPRESSIONS = 1 << 21  # of each window; of more a sample, for the memory
_SMOOTHING_IMPRESSIONS = 20.0
_LEAST = 1e-9
_LEFT_OUT = (
    "Baseline left out: lightgbm. It reads the inputs of a run's ranker, and there is "
    "none."
)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Impressions as the trees read them.

    Attributes:
      columns: `[n]` each, by name; integers are indices, 0 = unknown.
      shown: The impressions themselves.
      times: `[n]`, seconds since the epoch.
      durations: `[n]` seconds of their videos; None where those of some are not known.
    """

    columns: dict[str, npt.NDArray[Any]]
    shown: shown_scorers.SplitImpressions
    times: npt.NDArray[np.int64]
    durations: shown_scorers.Floats | None

    @property
    def clicked(self) -> shown_scorers.Floats:
        """1 for a click, else 0, `[n]`."""
        return self.shown.clicked.astype(float)

    @property
    def watched(self) -> shown_scorers.Floats:
        """Watch seconds of clicks, `[n]`, as a share of the duration where known."""
        if self.durations is None:
            return np.maximum(self.shown.weights, _LEAST)
        return np.clip(self.shown.weights / np.maximum(self.durations, 1.0), 0.0, 1.0)


def read(
    data: prepared.PreparedData,
    ranking: model.RankingModel,
    shown: shown_scorers.SplitImpressions,
    as_lists: bool = False,
) -> Inputs:
    """Reads the ranker's tensors of impressions, every number as a column.

    Args:
      data: The prepared set.
      ranking: The ranker.
      shown: The impressions.
      as_lists: Whether each user's past ends where the user's first impression begins,
        as for metrics of lists (`shown_scorers.scorer`).
    """
    then = shown.list_starts if as_lists else None
    columns = {}
    for name, values in ranking.impression_tensors(data, shown.rows, then).items():
        wide = values.reshape(len(values), -1)
        for place in range(wide.shape[1]):
            column = name if wide.shape[1] == 1 else f"{name}.{place}"
            columns[column] = wide[:, place]
    times = data.log.shard_index.gather("impressions", "times", shown.rows)
    durations = past_sums.durations(data.catalogue)
    is_known = bool((durations[1:] > 0.0).all())
    return Inputs(columns, shown, times, durations[shown.videos] if is_known else None)


class Encoding:
    """Columns as numbers and categories, by the training part.

    Attributes:
      categorical: Places of the categories among the columns of a matrix.
    """

    def __init__(self, training: Inputs, training_only: Collection[str] = ()) -> None:
        """Finds which columns have too many values to be categories.

        Args:
          training: The training part.
          training_only: Names of columns that are known in training alone.
        """
        own, shown = training.columns, training.shown
        is_index = {n: np.issubdtype(own[n].dtype, np.integer) for n in own}
        many = [
            n for n in own if is_index[n] and own[n].max(initial=0) > _MOST_CATEGORIES
        ]
        self._medians = {name: np.median(own[name]) for name in training_only}
        self._earlier = {n: ragged.Earlier(own[n], training.times) for n in many}
        self._summed = training.clicked, shown.weights * shown.clicked
        self._plain = [name for name in own if name not in many]
        self.categorical = [i for i, n in enumerate(self._plain) if is_index[n]]

    def matrix(self, part: Inputs, is_logged: bool = False) -> npt.NDArray[np.float32]:
        """Returns the inputs of impressions, `[n, columns]`.

        Args:
          part: The impressions.
          is_logged: Whether training-only columns are as logged, not their median.
        """
        columns, times = dict(part.columns), part.times
        if not is_logged:
            columns |= {n: np.full(len(times), m) for n, m in self._medians.items()}
        made = [columns[name] for name in self._plain]
        for name, earlier in self._earlier.items():
            count = earlier.count(columns[name], times) + _SMOOTHING_IMPRESSIONS
            for values in self._summed:
                total = earlier.sum(values, columns[name], times)
                made.append((total + _SMOOTHING_IMPRESSIONS * values.mean()) / count)
        return np.column_stack(made).astype(np.float32)


class Trees:
    """Boosted trees of clicks, and of watch seconds given a click."""

    def __init__(
        self,
        training: Inputs,
        validation: Inputs,
        training_only: Collection[str] = (),
        settings: Sequence[Mapping[str, float]] = _GRID,
    ) -> None:
        """Fits both.

        Args:
          training: Impressions to fit to.
          validation: Impressions that stop the fits and choose the settings.
          training_only: Names of columns that are known in training alone.
          settings: Settings to choose from.
        """
        self._known, self._settings = (training, validation), settings
        self.encoding = Encoding(training, training_only)
        self._matrices = [self.encoding.matrix(part, True) for part in self._known]
        self._click = self.grown("binary", lambda part: np.ones(len(part.times)))
        self._watched: Any = None
        if training.shown.seconds is not None and all(
            part.shown.clicked.any() for part in self._known
        ):
            objective = "gamma" if training.durations is None else "cross_entropy"
            self._watched = self.grown(
                objective, lambda part: part.clicked, lambda part: part.watched
            )

    def grown(
        self,
        objective: str,
        weight: Callable[[Inputs], shown_scorers.Floats],
        value: Callable[[Inputs], shown_scorers.Floats] = lambda part: part.clicked,
    ) -> Any:
        """Returns LightGBM's model of the settings with the smallest validation loss.

        Args:
          objective: LightGBM's.
          weight: Weights of impressions; those of weight 0 are left out.
          value: What is predicted.
        """
        import lightgbm

        sets: list[lightgbm.Dataset] = []
        for matrix, part in zip(self._matrices, self._known, strict=True):
            weights = weight(part)
            kept = weights > 0.0
            sets.append(
                lightgbm.Dataset(
                    matrix[kept],
                    value(part)[kept],
                    weight=weights[kept] / weights[kept].mean(),
                    categorical_feature=self.encoding.categorical,
                    reference=sets[0] if sets else None,
                )
            )
        least = int(np.clip(len(self._matrices[0]) // 1_000, 20, 300))
        shared = {**_BOOSTING, "min_data_in_leaf": least, "objective": objective}
        tried = [
            lightgbm.train(
                {**shared, **each},
                sets[0],
                _ROUNDS,
                valid_sets=[sets[1]],
                callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
            )
            for each in progress.through(self._settings, LIGHTGBM, "fits")
        ]
        return min(tried, key=lambda one: min(one.best_score["valid_0"].values()))

    def predict(self, part: Inputs, listed: Inputs) -> predictions.Predictions:
        """Returns the predictions for impressions.

        Args:
          part: The impressions.
          listed: The same, read when the user's list began.
        """
        own, of_list = self._predicted(part), self._predicted(listed)
        return dataclasses.replace(
            own, listed=of_list.order, listed_terms=of_list.terms
        )

    def _predicted(self, part: Inputs) -> predictions.Predictions:
        matrix = self.encoding.matrix(part)
        odds = np.asarray(self._click.predict(matrix, raw_score=True))
        chance = 1.0 / (1.0 + np.exp(-odds))
        if self._watched is None:
            return predictions.Predictions(odds, click_probability=chance)
        seconds = np.asarray(self._watched.predict(matrix))
        if part.durations is not None:
            seconds = seconds * part.durations
        order = odds + np.log(np.maximum(seconds, _LEAST))
        return predictions.Predictions(order, chance * seconds, chance)


def fit(
    data: prepared.PreparedData,
    ranking: model.RankingModel,
    settings: Sequence[Mapping[str, float]] = _GRID,
) -> Trees:
    """Returns trees fitted to the training impressions of a ranker.

    Args:
      data: The prepared set.
      ranking: The ranker.
      settings: LightGBM's, of which validation chooses.
    """
    data = earlier_impressions.with_earlier_impressions(
        data, ranking.config.least_impressions
    )

    def known(split: events.Split) -> Inputs:
        shown = shown_scorers.SplitImpressions(data.log, split)
        drawn = np.random.default_rng(0).permutation(len(shown.rows))
        return read(data, ranking, shown.select(np.sort(drawn[:_MOST_IMPRESSIONS])))

    only = base_feature.TrainingOnly
    names = [f.name for f in ranking.features if isinstance(f, only)]
    training, validation = map(known, (events.Split.TRAIN, events.Split.VALIDATION))
    return Trees(training, validation, names, settings)


def require() -> None:
    """Checks that LightGBM is installed.

    Raises:
      errors.UserError: It is not.
    """
    if importlib.util.find_spec(LIGHTGBM) is None:
        raise errors.UserError(
            "expected the package lightgbm for evaluation.baselines=lightgbm, found "
            "none: pip install -c constraints.txt '.[lightgbm]', or leave it out"
        )


def scorer(
    data: prepared.PreparedData, ranking: model.RankingModel
) -> shown_scorers.Scorer:
    """Returns LightGBM as a scorer, fitted when it is first asked.

    Args:
      data: The prepared set.
      ranking: The ranker, which may answer window by window.

    Raises:
      errors.UserError: LightGBM is not installed.
    """
    require()
    fitted = functools.cache(functools.partial(fit, data, ranking))

    def score(shown: shown_scorers.SplitImpressions) -> predictions.Predictions:
        trees = fitted()
        asked = [read(data, ranking, shown, as_lists) for as_lists in (False, True)]
        return trees.predict(*asked)

    return score


def left_out(config: configs.EvaluationConfig) -> tuple[str, ...]:
    """Returns a line where LightGBM is asked for, for what has no ranker."""
    return (_LEFT_OUT,) * (LIGHTGBM in config.baselines)
