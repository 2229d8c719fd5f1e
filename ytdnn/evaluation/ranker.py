"""The ranker and popularity as scorers of the impressions of a split (PAPER §4).

A scorer is any function of the impressions that gives `Predictions`: an order and,
where it predicts them, expected watch seconds, click probability, log odds. They are
passed by name, so the world's oracle is one more entry; `impression_metrics` measures
them.

Popularity is the clicks and watch time of each video in the ranker's training
impressions, smoothed.
"""

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ytdnn import configs, errors
from ytdnn.data import prepared
from ytdnn.evaluation import models, parts
from ytdnn.ranking import building, predictions

POPULARITY = "popularity"
RANKER = "ranker"
_SMOOTHING_IMPRESSIONS = 10.0
_LEAST_ODDS = 1e-6

Floats = npt.NDArray[np.float64]


class SplitImpressions:
    """The impressions of a split, with clicks and watch time.

    Attributes:
      rows: `[n]` rows of the prepared set's impressions.
      clicked: `[n] bool`.
      weights: `[n]` weights of the weighted logistic loss.
      seconds: `[n]` watched, None where the log has no watch time.
      pages: `[n]`, equal for one page of one user.
      users: `[n]`, numbered from 0 without gaps.
      user_indices: `[num_users]`, user index of each such number.
      videos: `[n]` video indices.
      outcomes: `[n, outcomes] float32`, NaN where unknown; None: the log has none.
    """

    outcomes: npt.NDArray[np.float32] | None = None

    def __init__(self, data: prepared.PreparedData, split: prepared.Split) -> None:
        """Reads the impressions of a split."""
        self.rows = building.rows_of(data, split)
        if split == prepared.Split.TRAIN:  # those before the ranker's window too
            self.rows = building.training_rows(data)
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
        of_all = data.impressions.outcomes
        self.outcomes = None if of_all is None else np.asarray(of_all)[self.rows]

    @property
    def gains(self) -> Floats:
        """The gain of each impression, `[n]`: watch seconds, or clicks without them."""
        return self.clicked.astype(float) if self.seconds is None else self.seconds

    @property
    def list_starts(self) -> npt.NDArray[np.int64]:
        """Rows of the first impression of each one's user, `[n]`.

        They lie sorted by user and time.
        """
        first = np.unique(self.users, return_index=True)[1]
        found: npt.NDArray[np.int64] = self.rows[first][self.users]
        return found

    @property
    def num_users(self) -> int:
        """Users with an impression in the split."""
        return int(self.users.max(initial=-1)) + 1

    def by_user(self, values: Floats | float) -> Floats:
        """Returns the sum over each user's impressions, `[num_users]`.

        Args:
          values: `[n]`, or one number for all.
        """
        of_each = np.broadcast_to(values, self.users.shape)
        return _sums(self.users, of_each, self.num_users)

    def select(self, keep: npt.NDArray[np.bool_]) -> "SplitImpressions":
        """Returns some of the impressions, their users numbered anew.

        Args:
          keep: `[n]`, those that stay.
        """
        found = copy.copy(self)
        for name in ("rows", "clicked", "weights", "pages", "videos"):
            setattr(found, name, getattr(self, name)[keep])
        found.seconds = None if self.seconds is None else self.seconds[keep]
        found.outcomes = None if self.outcomes is None else self.outcomes[keep]
        kept, found.users = np.unique(self.users[keep], return_inverse=True)
        found.user_indices = self.user_indices[kept]
        return found


def of_part(
    data: prepared.PreparedData,
    split: prepared.Split,
    config: configs.EvaluationConfig,
) -> SplitImpressions:
    """Returns the impressions of a split of the users and videos that are evaluated.

    Raises:
      errors.UserError: There are none.
    """
    found = SplitImpressions(data, split)
    users = found.user_indices[found.users]
    keep = parts.of_impressions(data, users, found.videos, config)
    if keep is None:
        return found
    if not keep.any():
        raise errors.UserError(
            f"expected impressions of the users and videos that are evaluated, found "
            f"none among {len(keep):,}: change --users or --videos"
        )
    return found.select(keep)


Scorer = Callable[[SplitImpressions], predictions.Predictions]


def scorer(data: prepared.PreparedData, ranker: models.RankingModelLike) -> Scorer:
    """Returns the scorer of a ranker.

    A user's list is ordered by what was known when it began, as a page is and as every
    order of it must be. With clicks of the list itself in its inputs, a good
    ranker's order is reversed: of two impressions, one of them clicked, either the
    first was, and a ranker that learned that clicks follow clicks puts the other one
    above it; or the second was, and its score is lowered because the first brought no
    click.
    """

    def score(impressions: SplitImpressions) -> predictions.Predictions:
        found = ranker.predictions(data, impressions.rows)
        starts = impressions.list_starts
        times = data.impressions.request_times
        if (times[starts] == times[impressions.rows]).all():
            return found
        listed = ranker.predictions(data, impressions.rows, starts)
        return dataclasses.replace(
            found, listed=listed.order, listed_terms=listed.terms
        )

    return score


def popularity(data: prepared.PreparedData) -> Scorer:
    """Returns the scorer by each video's clicks and watch time in training."""
    return lambda impressions: popularity_predictions(data, impressions)


def popularity_predictions(
    data: prepared.PreparedData, impressions: SplitImpressions
) -> predictions.Predictions:
    """Returns predictions from each video's training impressions.

    Clicks, weight of clicks and impressions are smoothed by ten average impressions, so
    a video never shown gets the average. The order is that of the odds: weight of
    clicks over impressions without one.
    """
    train = SplitImpressions(data, prepared.Split.TRAIN)
    size = data.num_videos + 1
    average = _SMOOTHING_IMPRESSIONS / max(len(train.rows), 1)
    watched, clicks, others = (
        _sums(train.videos, values, size) + average * float(values.sum())
        for values in (
            train.weights * train.clicked,
            train.clicked.astype(np.float64),
            1.0 - train.clicked,
        )
    )
    odds = np.maximum(watched, _LEAST_ODDS) / np.maximum(others, _LEAST_ODDS)
    logits = np.log(odds)[impressions.videos]
    shown = np.maximum(clicks + others, _LEAST_ODDS)
    seconds = None
    if data.has_watch_seconds:
        seconds = (watched / shown)[impressions.videos]
    return predictions.Predictions(
        order=logits,
        seconds=seconds,
        click_probability=(clicks / shown)[impressions.videos],
        logits=logits,
    )


def _sums(groups: npt.NDArray[np.integer], values: Floats, size: int) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64)
