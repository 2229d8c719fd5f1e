"""Candidate models that count the training window.

* `recent_popularity`: the most watched of the window's end;
* `markov`: a first-order Markov chain, the videos watched most often right after the
  last one of the history;
* `own_watches`: the videos of the history, for lists that hold them;
* `co_watch`: videos that others watched near the last ten, the candidate source as a
  system of its own (`ytdnn/retrieval/co_watch.py`).

The candidate source `popular` is the most watched too. Ties of counts, and videos
without counts, are ordered by popularity.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.base.metrics import top_k_selection
from ytdnn.log import prepared, slice_batches
from ytdnn.retrieval import co_watch, interface, model_interface, row_ops

WEEK = 7 * schema.DAY_SECONDS
_NEIGHBOURS = 200  # of each watch
_OWN = 50  # watches of the history
Floats = npt.NDArray[np.float32]


@registries.CANDIDATE_MODELS.register("recent_popularity")
class RecentPopularity(model_interface.ScoringModel):
    """The videos most watched at the end of training, the same for all users.

    Attributes:
      seconds: Length of the window.
    """

    seconds = WEEK

    def fit(self, data: model_interface.TrainingData) -> None:
        """Counts the window's watches."""
        self.scores = _shares(data)
        order = most_watched(data.prepared, self.seconds)
        inside = order[order <= len(self.scores)]
        # Counts below 1 order the videos that nobody watched then.
        self.scores[inside - 1] += np.arange(len(inside), 0, -1, dtype=np.float32)

    def scorer(self, requests: model_interface.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by the count."""

        def score(users: slice, videos: slice, out: Floats) -> None:
            out[:] = self.scores[videos]

        return score


class _LastWatches(model_interface.ScoringModel):
    """Sums weights of videos related to the last watches, the latest first.

    Attributes:
      decay: Factor of each watch, the latest first; the number of watches read.
      offsets: The videos related to row v are `related[offsets[v] : offsets[v + 1]]`.
      related: Rows of videos, each once for a watch.
      weights: Weight of each.
      popularity: Order of equal sums, below any difference of weights.
    """

    decay: Floats
    offsets: npt.NDArray[np.int64]
    related: npt.NDArray[np.integer]
    weights: Floats
    popularity: Floats

    def scorer(self, requests: model_interface.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by the sums."""
        seeds = requests.last(len(self.decay))
        seeds = np.where(seeds < requests.num_videos, seeds, -1)
        scale = float(self.weights.min(initial=1.0) * self.decay.min())

        def score(users: slice, videos: slice, out: Floats) -> None:
            out[:] = self.popularity[videos] * scale
            for seed, factor in zip(seeds[users].T, self.decay, strict=True):
                self._add(seed, factor, videos.start, out)

        return score

    def _add(
        self, seeds: npt.NDArray[np.integer], factor: float, first: int, out: Floats
    ) -> None:
        """Adds the weights of each row's seed to scores of videos from `first` on."""
        starts = self.offsets[seeds]  # of -1, none, the last entry: an empty list
        sizes = np.where(seeds >= 0, self.offsets[seeds + 1] - starts, 0)
        rows = np.repeat(np.arange(len(seeds)), sizes)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places += np.repeat(starts, sizes)
        columns = self.related[places] - first
        keep = (columns >= 0) & (columns < out.shape[1])
        # A seed names a video once, so no place is added to twice.
        out[rows[keep], columns[keep]] += factor * self.weights[places[keep]]


@registries.CANDIDATE_MODELS.register("markov")
class Markov(_LastWatches):
    """The videos watched most often right after the last watch."""

    def fit(self, data: model_interface.TrainingData) -> None:
        """Counts pairs of a watch and the next one of the same user."""
        watches, size = data.watches, data.videos.height
        user, video = (watches[name].to_numpy() for name in ("user", "video"))
        follows = user[1:] == user[:-1]
        pairs = (video[:-1] * size + video[1:])[follows]
        distinct, counts = np.unique(pairs, return_counts=True)
        before, self.related = np.divmod(distinct, size)
        self.offsets = np.searchsorted(before, np.arange(size + 1)).astype(np.int64)
        self.weights = counts.astype(np.float32)
        self.decay, self.popularity = np.ones(1, np.float32), _shares(data)


@registries.CANDIDATE_MODELS.register("own_watches")
class OwnWatches(_LastWatches):
    """The videos that the user watched most, recent watches more.

    Attributes:
      per_watch: Weight of a watch, of that of the one after it.
    """

    per_watch = 0.95

    def fit(self, data: model_interface.TrainingData) -> None:
        """Relates each video to itself."""
        self.offsets = np.arange(data.videos.height + 1)
        self.related = np.arange(data.videos.height)
        self.weights = np.ones(data.videos.height, np.float32)
        self.decay = self.per_watch ** np.arange(_OWN, dtype=np.float32)
        self.popularity = _shares(data)


@registries.CANDIDATE_MODELS.register("co_watch")
class CoWatchModel(_LastWatches):
    """The videos that others watched near the last watches."""

    def fit(self, data: model_interface.TrainingData) -> None:
        """Counts pairs of nearby watches."""
        near, self.weights = co_watch.neighbours(data.prepared, _NEIGHBOURS)
        # Lists of catalogue indices from 0, none; rows begin at index 1.
        self.offsets = near.offsets[1:].astype(np.int64)
        self.related = near.values - 1
        self.decay = co_watch.DECAY ** np.arange(co_watch.SEEDS, dtype=np.float32)
        self.popularity = _shares(data)


def _shares(data: model_interface.TrainingData) -> Floats:
    """Returns shares of the training watches, `[videos] float32`, below 1."""
    counts = np.bincount(data.watches["video"].to_numpy(), minlength=data.videos.height)
    return np.asarray(counts / (counts.sum() + 1.0), np.float32)


@registries.SOURCES.register("popular")
class Popular(interface.Source):
    """The same videos for all users, except those that are not permitted."""

    kind = interface.POPULAR

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts the watches of the last week of training."""
        super().__init__(num)
        self._videos = tf.Variable(most_watched(data), trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the most watched that are permitted."""
        width = self.num + row_ops.largest(requests.permitted.num_excluded)
        width += tf.minimum(requests.permitted.num_removed, self.num)
        videos = self._videos[:width][tf.newaxis, :]
        videos = tf.repeat(videos, tf.shape(requests.watched)[0], axis=0)
        falling = tf.zeros_like(videos)  # in order already
        return self.best_permitted(requests, videos, falling)


def most_watched(data: prepared.PreparedData, seconds: int = WEEK) -> np.ndarray:
    """Returns the videos watched last in training, most watched first.

    Args:
      data: The prepared set.
      seconds: Length of the window that ends with the last training watch.
    """
    shards = slice_batches.training_set(data).log.shards
    last = max(int(shard.read().watches.times.max(initial=0)) for shard in shards)
    counts = np.zeros(data.num_videos + 1, np.int64)
    for shard in shards:
        watches = shard.read().watches
        recent = watches.videos[watches.times >= last - seconds]
        counts += np.bincount(recent, minlength=len(counts))
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > 0].astype(np.int32)
