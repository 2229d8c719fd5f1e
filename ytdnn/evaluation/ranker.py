"""The ranker measured on the impressions of a split (PAPER §4.3).

AUC of clicks, over all impressions and within each user; the log loss under the weights
of training (a click weighs its watch seconds, no click weighs 1, both 1 without watch
time), over the total weight, so that it is what training minimises; the weighted
per-user loss; and calibration. Beside it popularity: the smoothed odds of each video
in the ranker's training impressions.

A scorer is any function of the impressions that gives logits; they are taken by name,
so the world's oracle is one more entry.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import models, report_model, summary
from ytdnn.metrics import binary, bootstrap, per_user_loss

POPULARITY = "popularity"
RANKER = "ranker"
AUC = "auc"
GROUPED_AUC = "grouped_auc"
LOG_LOSS = "log_loss"
PER_USER_LOSS = "weighted_per_user_loss"
METRICS = (AUC, GROUPED_AUC, LOG_LOSS, PER_USER_LOSS)
# A resample of AUC costs a pass over all impressions; so many are passed over at most,
# and never fewer than a hundred resamples made.
_MOST_CELLS = 20_000_000  # of users by bins of scores, for the intervals of AUC
_LEAST_BINS = 32
_SMOOTHING_IMPRESSIONS = 10.0
_LEAST_ODDS = 1e-6

Floats = npt.NDArray[np.float64]
Parts = dict[str, tuple[Floats, Floats]]


class Impressions:
    """The impressions of a split: what was shown, clicked and watched.

    Attributes:
      rows: `[n]` rows of the prepared set's impressions.
      clicked: `[n] bool`.
      weights: `[n]`, of the weighted logistic loss.
      seconds: `[n]` watched, None where the log has no watch time.
      pages: `[n]`, equal for one page of one user.
      users: `[n]`, numbered from 0 without gaps.
      user_indices: `[num_users]`, of each such number.
      videos: `[n]` video indices.
    """

    def __init__(self, data: prepared.PreparedData, split: prepared.Split) -> None:
        """Reads the impressions of a split."""
        self.rows = np.flatnonzero(np.asarray(data.impressions.splits) == split)
        self.clicked = np.asarray(data.impressions.clicked)[self.rows]
        self.seconds: Floats | None = None
        if data.has_watch_seconds:
            self.seconds = np.asarray(data.impressions.seconds)[self.rows].astype(float)
        watched = np.ones(len(self.rows)) if self.seconds is None else self.seconds
        self.weights = np.where(self.clicked, watched, 1.0)
        self.pages = np.asarray(data.impressions.pages)[self.rows]
        users = np.asarray(data.impressions.users)[self.rows]
        self.user_indices, self.users = np.unique(users, return_inverse=True)
        self.videos = np.asarray(data.impressions.videos)[self.rows]

    @property
    def num_users(self) -> int:
        """Users with an impression in the split."""
        return int(self.users.max(initial=-1)) + 1


Scorer = Callable[[Impressions], npt.NDArray[np.floating]]


def scorer(data: prepared.PreparedData, ranker: models.Ranker) -> Scorer:
    """Returns the scorer of a ranker."""
    return lambda impressions: ranker.scores(data, impressions.rows)


def popularity(data: prepared.PreparedData) -> Scorer:
    """Returns the scorer by the odds of each video in the training impressions."""
    return lambda impressions: popularity_logits(data, impressions)


def measure(
    impressions: Impressions, logits: npt.NDArray, config: configs.Evaluation
) -> tuple[report_model.Entry, Parts]:
    """Measures the logits of one model.

    Args:
      impressions: Of the split.
      logits: `[n]`.
      config: Resamples and their seed.

    Returns:
      The model's entry in the report, and the numerators and denominators, for each
      user, of the metrics that are ratios of sums over users.
    """
    parts = _parts(impressions, logits)
    ratios = summary.of_ratios(parts, config)
    value = binary.auc(impressions.clicked, logits)
    bounds = _auc_interval(impressions, logits, config)
    entry = report_model.Entry(
        values={AUC: value, **ratios.values},
        intervals={AUC: bounds, **ratios.intervals},
    )
    return entry, parts


def _auc_interval(
    impressions: Impressions, logits: npt.NDArray, config: configs.Evaluation
) -> tuple[float, float]:
    num_users = impressions.num_users
    if not num_users:
        return float("nan"), float("nan")
    draws = binary.auc_draws(
        impressions.users,
        impressions.clicked,
        logits,
        bootstrap.blocks(num_users, config.num_resamples, config.seed),
        num_bins=min(binary.NUM_BINS, max(_LEAST_BINS, _MOST_CELLS // num_users)),
    )
    low, high = bootstrap.percentiles(draws[:, np.newaxis])
    return float(low[0]), float(high[0])


def calibration(
    impressions: Impressions, logits: npt.NDArray
) -> tuple[report_model.Tenth, ...]:
    """Returns predicted and observed value in ten equal parts by the prediction.

    Predicted is `exp(logit)`, which is served as expected watch seconds; observed is
    what training fits it to (PAPER §4.2): watch seconds over impressions *without* a
    click, E[T] / (1 − P). The mean over all impressions lies below it where clicks
    are frequent, and stands beside it. Without watch time it is the odds of a click.
    """
    predicted = np.exp(np.asarray(logits, np.float64))
    weights = np.where(impressions.clicked, impressions.weights, 0.0)
    odds = binary.calibration(predicted, weights, 1.0 - impressions.clicked)
    means: list[float | None] = [None] * len(odds)
    if impressions.seconds is not None:
        ones = np.ones(len(weights))
        means = [mean for _, mean, _ in binary.calibration(predicted, weights, ones)]
    return tuple(
        report_model.Tenth(
            predicted=mean_prediction,
            observed=observed,
            mean_seconds=mean,
            impressions=number,
        )
        for (mean_prediction, observed, number), mean in zip(odds, means, strict=True)
    )


def popularity_logits(data: prepared.PreparedData, impressions: Impressions) -> Floats:
    """Returns log odds of each impression's video in the training impressions.

    Odds are weight of clicks over impressions without one, smoothed by ten average
    impressions, so a video never shown gets the average.
    """
    train = Impressions(data, prepared.Split.TRAIN)
    size = data.num_videos + 1
    clicks = _sums(train.videos, train.weights * train.clicked, size)
    others = _sums(train.videos, 1.0 - train.clicked, size)
    average = _SMOOTHING_IMPRESSIONS / max(len(train.rows), 1)
    clicks += average * float(train.weights @ train.clicked)
    others += average * float((~train.clicked).sum())
    odds = np.maximum(clicks, _LEAST_ODDS) / np.maximum(others, _LEAST_ODDS)
    logits: Floats = np.log(odds)[impressions.videos]
    return logits


def _parts(impressions: Impressions, logits: npt.NDArray) -> Parts:
    """Returns, of each user, numerator and denominator of each ratio."""
    losses = binary.log_losses(impressions.clicked, logits)
    pairs = per_user_loss.watch_time_of_pairs(
        impressions.pages, impressions.clicked, logits, impressions.seconds
    )
    wrong, watched = (_by_user(impressions, values) for values in pairs)
    within = binary.grouped_auc(
        impressions.users, impressions.clicked, logits, impressions.num_users
    )
    sizes = _by_user(impressions, np.ones(len(impressions.rows)))
    defined = np.isfinite(within)
    return {
        GROUPED_AUC: (np.where(defined, within * sizes, 0.0), sizes * defined),
        LOG_LOSS: (
            _by_user(impressions, impressions.weights * losses),
            _by_user(impressions, impressions.weights),
        ),
        PER_USER_LOSS: (wrong, watched),
    }


def _by_user(impressions: Impressions, values: Floats) -> Floats:
    return _sums(impressions.users, values, impressions.num_users)


def _sums(groups: npt.NDArray[np.integer], values: Floats, size: int) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64)
