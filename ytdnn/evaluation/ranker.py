"""The ranker measured on the impressions of a split (PAPER §4.3).

AUC of clicks; the log loss under the weights of training (a click weighs its watch
seconds, no click weighs 1, both 1 without watch time), over the total weight, so that
it is what training minimises; and the weighted per-user loss. Beside it popularity:
the smoothed odds of each video in the ranker's training impressions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.data import prepared
from ytdnn.evaluation import models
from ytdnn.metrics import binary, bootstrap, per_user_loss

METRICS = ("auc", "log_loss", "weighted_per_user_loss")
NUM_RESAMPLES = 200  # each costs a pass over all impressions
_SMOOTHING_IMPRESSIONS = 10.0
_LEAST_ODDS = 1e-6

Floats = npt.NDArray[np.float64]


class Impressions:
    """The impressions of a split: what was shown, clicked and watched.

    Attributes:
      rows: `[n]` rows of the prepared set's impressions.
      clicked: `[n] bool`.
      weights: `[n]`, of the weighted logistic loss.
      seconds: `[n]` watched, None where the log has no watch time.
      pages: `[n]`, equal for one page of one user.
      users: `[n]`, numbered from 0 without gaps.
      videos: `[n]` video indices.
    """

    def __init__(self, data: prepared.PreparedData, split: prepared.Split) -> None:
        """Reads the impressions of a split."""
        self.rows = np.flatnonzero(np.asarray(data.impression_splits) == split)
        self.clicked = np.asarray(data.impression_clicked)[self.rows]
        self.seconds: Floats | None = None
        if data.has_watch_seconds:
            self.seconds = np.asarray(data.impression_seconds)[self.rows].astype(float)
        watched = np.ones(len(self.rows)) if self.seconds is None else self.seconds
        self.weights = np.where(self.clicked, watched, 1.0)
        self.pages = np.asarray(data.impression_pages)[self.rows]
        users = np.asarray(data.impression_users)[self.rows]
        self.users = np.unique(users, return_inverse=True)[1]
        self.videos = np.asarray(data.impression_videos)[self.rows]

    @property
    def num_users(self) -> int:
        """Users with an impression in the split."""
        return int(self.users.max(initial=-1)) + 1


def evaluate(
    data: prepared.PreparedData, ranker: models.Ranker, impressions: Impressions
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Returns the metrics of the ranker and their intervals over users."""
    logits = ranker.scores(data, impressions.rows)
    return measure(impressions, logits), intervals(impressions, logits)


def measure(impressions: Impressions, logits: npt.NDArray) -> dict[str, float]:
    """Returns AUC, log loss and weighted per-user loss; NaN where undefined."""
    statistic = _statistic(impressions, logits)
    found = statistic(np.ones(impressions.num_users))
    return dict(zip(METRICS, found.tolist(), strict=True))


def intervals(impressions: Impressions, logits: npt.NDArray) -> dict[str, list[float]]:
    """Returns bootstrap intervals over users, `[low, high]` for each metric."""
    low, high = bootstrap.interval(
        _statistic(impressions, logits), impressions.num_users, NUM_RESAMPLES
    )
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    return {name: list(pair) for name, pair in zip(METRICS, bounds, strict=True)}


def popularity_logits(data: prepared.PreparedData, impressions: Impressions) -> Floats:
    """Returns log odds of each impression's video in the training impressions.

    Odds are weight of clicks over impressions without one, smoothed by ten average
    impressions, so a video never shown gets the average.
    """
    train = Impressions(data, prepared.Split.TRAIN)
    size = data.num_videos + 1
    clicks = _sums(train.videos, train.weights * train.clicked, size)
    others = _sums(train.videos, 1.0 - train.clicked, size)
    clicks[0], others[0] = 0.0, 0.0  # videos out of the vocabulary are not one video
    average = _SMOOTHING_IMPRESSIONS / max(len(train.rows), 1)
    clicks += average * float(train.weights @ train.clicked)
    others += average * float((~train.clicked).sum())
    odds = np.maximum(clicks, _LEAST_ODDS) / np.maximum(others, _LEAST_ODDS)
    logits: Floats = np.log(odds)[impressions.videos]
    return logits


def _statistic(
    impressions: Impressions, logits: npt.NDArray
) -> Callable[[Floats], Floats]:
    """Returns the three metrics as a function of how often each user counts."""
    order = np.argsort(logits, kind="stable")  # AUC sorts the sorted in linear time
    clicked, scores = impressions.clicked[order], np.asarray(logits)[order]
    users = impressions.users[order]
    losses = binary.log_losses(impressions.clicked, logits)
    lost = _by_user(impressions, impressions.weights * losses)
    total = _by_user(impressions, impressions.weights)
    pairs = per_user_loss.watch_time_of_pairs(
        impressions.pages, impressions.clicked, logits, impressions.seconds
    )
    wrong, watched = (_by_user(impressions, values) for values in pairs)

    def statistic(counts: Floats) -> Floats:
        return np.array(
            [
                binary.auc(clicked, scores, counts[users]),
                _ratio(counts @ lost, counts @ total),
                _ratio(counts @ wrong, counts @ watched),
            ]
        )

    return statistic


def _by_user(impressions: Impressions, values: Floats) -> Floats:
    return _sums(impressions.users, values, impressions.num_users)


def _sums(groups: npt.NDArray[np.integer], values: Floats, size: int) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64)


def _ratio(numerator: Any, denominator: Any) -> float:
    return float(numerator / denominator) if denominator > 0.0 else float("nan")
