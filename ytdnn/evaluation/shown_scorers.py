"""The ranker and popularity as scorers of the impressions of a split (PAPER §4).

A scorer is any function of the impressions that gives `Predictions`: an order and,
where it predicts them, expected watch seconds, click probability, log odds. They are
passed by name, so the world's oracle is one more entry; `impression_metrics` measures
them.

Popularity scores a video by its smoothed clicks and watch time in the ranker's training
impressions.
"""

import copy
import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, errors
from ytdnn.evaluation import evaluated_parts, models, users_in_parts
from ytdnn.log import events, prepared, prepared_log
from ytdnn.ranking import predictions
from ytdnn.retrieval import impression_rates

POPULARITY = "popularity"
RANKER = "ranker"
_AFTER_ALL = 1 << 33  # seconds: the year 2242

Floats = npt.NDArray[np.float64]


class SplitImpressions:
    """The impressions of a split, with clicks and watch time.

    Attributes:
      rows: `[n]` rows of the prepared set's impressions.
      clicked: `[n] bool`.
      weights: `[n]` weights of the weighted logistic loss.
      seconds: `[n]` watch seconds; None where the log has no watch time.
      pages: `[n]`, equal for one slate of one user.
      users: `[n]`, numbered from 0 without gaps.
      user_indices: `[num_users]`, user index of each number in `users`.
      videos: `[n]` video indices.
      outcomes: `[n, outcomes] float32`, NaN where unknown; None: the log has none.
    """

    outcomes: npt.NDArray[np.float32] | None = None

    def __init__(self, log: prepared_log.UserLog, split: events.Split) -> None:
        """Reads the impressions of a split."""
        splits = [split]
        if split == events.Split.TRAIN:  # those before the ranker's window too
            splits.append(events.Split.EARLIER)
        index, table = log.shard_index, "impressions"
        self.rows = index.find(table, lambda shown: np.isin(shown.splits, splits))
        self.clicked = index.gather(table, "clicked", self.rows)
        self.seconds: Floats | None = None
        if log.has_watch_seconds:
            self.seconds = index.gather(table, "seconds", self.rows).astype(float)
        watched = np.ones(len(self.rows)) if self.seconds is None else self.seconds
        self.weights = np.where(self.clicked, watched, 1.0)
        self.pages = index.gather(table, "pages", self.rows)
        users = index.gather(table, "users", self.rows)
        self.user_indices, self.users = np.unique(users, return_inverse=True)
        self.videos = index.gather(table, "videos", self.rows)
        if index.has(table, "outcomes"):
            self.outcomes = index.gather(table, "outcomes", self.rows)

    @property
    def gains(self) -> Floats:
        """The gain of each impression, `[n]`: watch seconds, or clicks without them."""
        return self.clicked.astype(float) if self.seconds is None else self.seconds

    @property
    def list_starts(self) -> npt.NDArray[np.int64]:
        """Rows of the first impression of each one's user, `[n]`.

        Impressions are sorted by user and time.
        """
        first = np.unique(self.users, return_index=True)[1]
        return self.rows[first][self.users]

    @property
    def num_users(self) -> int:
        """Number of users with an impression in the split."""
        return int(self.users.max(initial=-1)) + 1

    def by_user(self, values: Floats | float) -> Floats:
        """Returns the sum over each user's impressions, `[num_users]`.

        Args:
          values: `[n]`, or one number for all.
        """
        of_each = np.broadcast_to(values, self.users.shape)
        return np.bincount(self.users, of_each, self.num_users).astype(np.float64)

    def select(self, keep: npt.NDArray[np.bool_]) -> "SplitImpressions":
        """Returns some of the impressions, their users numbered anew.

        Args:
          keep: `[n]`, mask or rows of the impressions to keep.
        """
        subset = copy.copy(self)
        for name in ("rows", "clicked", "weights", "pages", "videos"):
            setattr(subset, name, getattr(self, name)[keep])
        subset.seconds = None if self.seconds is None else self.seconds[keep]
        subset.outcomes = None if self.outcomes is None else self.outcomes[keep]
        kept, subset.users = np.unique(self.users[keep], return_inverse=True)
        subset.user_indices = self.user_indices[kept]
        return subset


def split_impressions(
    data: prepared.PreparedData,
    split: events.Split,
    config: configs.EvaluationConfig,
) -> SplitImpressions:
    """Returns the impressions of a split of the users and videos that are evaluated.

    Raises:
      errors.UserError: There are no such impressions.
    """
    impressions = SplitImpressions(data.log, split)
    if not config.users and not config.videos:
        return impressions
    users = impressions.user_indices[impressions.users]
    keep = evaluated_parts.event_mask(data, users, impressions.videos, config)
    if not keep.any():
        raise errors.UserError(
            f"expected impressions of the users and videos that are evaluated, found "
            f"none among {len(keep):,}: change --users or --videos"
        )
    return impressions.select(keep)


Scorer = Callable[[SplitImpressions], predictions.Predictions]


def scored(
    data: prepared.PreparedData,
    impressions: SplitImpressions,
    scorers: Mapping[str, Scorer],
    windows: users_in_parts.WindowOpener,
) -> dict[str, predictions.Predictions]:
    """Returns the predictions of scorers, computed window by window.

    Args:
      data: The prepared set.
      impressions: Impressions of a split.
      scorers: Scorers by name.
      windows: Opener of the windows that the scorers' models read.
    """
    users = impressions.users  # ascending, so that parts follow each other

    def make(part: slice) -> users_in_parts.Results:
        own = impressions
        if part.stop - part.start < impressions.num_users:
            own = impressions.select((users >= part.start) & (users < part.stop))
        return {name: score(own) for name, score in scorers.items()}

    return windows.divided(data, impressions.user_indices, make)


def scorer(data: prepared.PreparedData, ranker: models.RankingModel) -> Scorer:
    """Returns the scorer of a ranker.

    A user's list is ordered by features read when the list began, as in serving. If
    clicks of the list itself were inputs, a good ranker's order would be reversed. Take
    two impressions, one of them clicked: if the first was clicked, a ranker that has
    learned that clicks follow clicks puts the second above it; if the second was, its
    score is lowered because the first was not clicked.
    """

    def score(impressions: SplitImpressions) -> predictions.Predictions:
        predicted = ranker.predictions(data, impressions.rows)
        listed = ranker.predictions(data, impressions.rows, impressions.list_starts)
        return dataclasses.replace(
            predicted, listed=listed.order, listed_terms=listed.terms
        )

    return score


def popularity(data: prepared.PreparedData) -> Scorer:
    """Returns the scorer by each video's clicks and watch time in training.

    Counts are smoothed by ten average impressions, so that a video never shown gets the
    average. Videos are ordered by the odds: weight of clicks over impressions without a
    click.
    """

    def score(impressions: SplitImpressions) -> predictions.Predictions:
        sums = data.once(popularity, lambda: _training_sums(data.whole))
        average, smoothing = impression_rates.mean(sums), impression_rates.SMOOTHINGS[0]
        rate, seconds, odds = (
            impression_rates.value(kind, sums, average, smoothing)[impressions.videos]
            for kind in impression_rates.KINDS
        )
        known, logits = seconds if data.log.has_watch_seconds else None, np.log(odds)
        return predictions.Predictions(logits, known, rate, logits)

    return score


def _training_sums(data: prepared.PreparedData) -> Floats:
    """Returns sums over training impressions by video, `[3, num_videos + 1]`."""
    trains = (events.Split.TRAIN, events.Split.EARLIER)
    every = np.arange(data.num_videos + 1)
    return impression_rates.sums_before(data, every, _AFTER_ALL, trains)
