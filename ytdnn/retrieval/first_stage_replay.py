"""Replays the frozen first stage at moments of the log (DESIGN §7).

The history is rolled back to strictly before each moment, and the candidate model was
trained on earlier watches only, so the ranker is trained on the same scores that it
reads in serving. Logged impressions are scored once, with one user vector for each
slate.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.log import events, log_tensors, prepared, prepared_log
from ytdnn.retrieval import interface, pool

_PAIRS_A_PART = 1 << 16
_REQUESTS_A_PART = 1 << 8
_SCORES_A_PART = 1 << 26  # of requests that every video is scored for: 256 MB
_NOT_KNOWN = np.iinfo(np.int64).max  # all searches are before it

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(eq=False)
class Replay:
    """The first stage opened on a log; scores are computed when first needed.

    Attributes:
      model: The candidate model.
      data: The prepared set.
      score: Computes the model's scores.
      make_pool: Makes the candidate sources, if a feature needs them.
      removes_watched: Whether no source proposes a watched video.
    """

    model: candidate_model.Joined
    data: prepared.PreparedData
    score: pool.Scores
    make_pool: Callable[[], pool.Pool]
    removes_watched: bool = True

    def scores(self, at: log_tensors.Positions) -> tf.Tensor:
        """Returns the model's scores `[n, k] float32`, `NO_SCORE` where there is none.

        Only logged impressions of the ranker's own splits have a score.

        Args:
          at: `[n]` positions; those that are not of logged impressions are read
            outside of graphs.
        """
        if at.is_logged:
            return tf.gather(self._logged_scores, at.rows)[..., tf.newaxis]
        vectors, videos = self._vectors(at), _videos(at)
        step = _PAIRS_A_PART // max(1, videos.shape[1])
        parts = [
            self.score(tf.constant(vectors[part]), videos[part])
            for part in ragged.slices(len(vectors), step)
        ]
        return tf.concat([tf.zeros([0, videos.shape[1]]), *parts], axis=0)

    def sources(self, at: log_tensors.Positions) -> tf.Tensor:
        """Returns the source that would propose each, `[n, k] int32`, 0 = none."""
        return self._pool_sources(at)[0]

    def seed_videos(self, at: log_tensors.Positions) -> tf.Tensor:
        """Returns the watch that each video was found by, `[n, k] int32`, 0 = none."""
        return self._pool_sources(at)[1]

    def listed_scores(
        self, users: npt.NDArray[np.integer], ends: Rows, times: Rows
    ) -> Vectors:
        """Returns the model's scores of the videos that all sources retrieve, `[n]`.

        Videos without a score are left out.

        Args:
          users: `[requests]` user indices.
          ends: `[requests]` flat positions where each history ends.
          times: `[requests]` seconds.
        """
        no_event = tf.zeros(len(users), tf.int64), tf.zeros(len(users), tf.bool)
        vectors = self._vectors(
            log_tensors.Positions(users, times, ends, "watches", *no_event)
        )
        scores = [np.zeros(0, np.float32)]
        for part in ragged.slices(len(users), self._requests_a_part):
            arguments = users[part], ends[part], times[part], vectors[part]
            listed = self._candidates(*arguments).videos
            of_part = self.score(tf.constant(vectors[part]), listed).numpy()
            scores.append(of_part[of_part > log_tensors.NO_SCORE])
        return np.concatenate(scores)

    def _pool_sources(self, at: log_tensors.Positions) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns sources and seeds; see `scores` for the supported positions."""
        if at.is_logged:
            pool_sources = tf.gather(self._logged_sources, at.rows)
            return pool_sources[..., 0, tf.newaxis], pool_sources[..., 1, tf.newaxis]
        vectors, videos = self._vectors(at), _videos(at)
        users, ends, times = (np.asarray(x) for x in (at.users, at.ends, at.times))
        sources, seeds = np.zeros_like(videos), np.zeros_like(videos)
        for part in ragged.slices(len(users), self._requests_a_part):
            arguments = users[part], ends[part], times[part], vectors[part]
            of_part = self._candidates(*arguments).sources_of(tf.constant(videos[part]))
            sources[part], seeds[part] = (values.numpy() for values in of_part)
        return tf.constant(sources), tf.constant(seeds)

    @property
    def _requests_a_part(self) -> int:
        """Number of requests for which all sources are asked at once."""
        return max(1, min(_REQUESTS_A_PART, _SCORES_A_PART // self.data.num_videos))

    def _candidates(
        self,
        users: npt.NDArray[np.integer],
        ends: Rows,
        times: Rows,
        vectors: Vectors,
    ) -> pool.Candidates:
        """Returns the proposals of the sources for requests."""
        watched = self.data.log.shard_index.watched_before(users, ends).padded()
        requests = interface.SourceRequests(
            tf.constant(watched), tf.constant(times, tf.int64), tf.constant(vectors)
        )
        if not self.removes_watched:
            requests = requests.with_watched
        return self._pool(requests)

    def _vectors(self, at: log_tensors.Positions) -> Vectors:
        """Returns the users' vectors `[n, dim]` of requests for any videos."""
        users, ends, times = (np.asarray(x) for x in (at.users, at.ends, at.times))
        num_searches = None
        if self._log.searches is not None:
            times = np.where(times == 0, _NOT_KNOWN, times)
            num_searches = self.data.log.searches.num_before(users, times)
        if at.event != schema.IMPRESSIONS:
            return self.model.vectors_at(self._log, users, ends, num_searches)
        rows = np.asarray(at.rows)
        begins = begins_request(self.data.log, rows)
        begins[1:] |= (ends[1:] != ends[:-1]) | (times[1:] != times[:-1])
        first = np.flatnonzero(begins)  # impressions of a page share their vector
        if num_searches is not None:
            num_searches = num_searches[first]
        vectors = self.model.vectors_at(
            self._log, users[first], ends[first], num_searches, rows[first]
        )
        return vectors[np.cumsum(begins) - 1]

    @functools.cached_property
    def _log(self) -> log_tensors.WatchLog:
        """The watches as the model reads them."""
        return self.model.open_log(self.data)

    @functools.cached_property
    def _pool(self) -> pool.Pool:
        return self.make_pool()

    @functools.cached_property
    def _logged_scores(self) -> tf.Tensor:
        """The score of every logged impression, `[impressions] float32`."""
        scores = np.full(len(self.data.impressions), log_tensors.NO_SCORE, np.float32)
        # Outside the graph of whoever asks first, such as a step of an input.
        with tf.init_scope(), tf.device("CPU"):
            for part in self._pages(_PAIRS_A_PART // 8):
                vectors = tf.constant(part.vectors[part.of_row])
                of_part = self.score(vectors, tf.constant(part.videos))
                scores[part.rows] = of_part[:, 0].numpy()
            self.__dict__.pop("_log", None)  # logged impressions are read only once
            return tf.constant(scores)

    @functools.cached_property
    def _logged_sources(self) -> tf.Tensor:
        """Source and seed of every logged impression, `[impressions, 2] int32`."""
        sources = np.zeros((len(self.data.impressions), 2), np.int32)
        with tf.init_scope(), tf.device("CPU"):
            for part in self._pages(self._requests_a_part):
                arguments = part.users, part.ends, part.times, part.vectors
                candidates = self._candidates(*arguments).take(part.of_row)
                of_rows = candidates.sources_of(tf.constant(part.videos))
                sources[part.rows] = np.concatenate(
                    [v.numpy() for v in of_rows], axis=1
                )
            self.__dict__.pop("_log", None)  # logged impressions are read only once
            return tf.constant(sources)

    def _pages(self, size: int) -> Iterator["_Pages"]:
        """Yields the impressions of the ranker's splits by their requests, in parts.

        Args:
          size: Requests of a part.
        """
        shown = self.data.impressions
        seen = [events.Split.CONTEXT, events.Split.EARLIER]
        rows = np.flatnonzero(~np.isin(np.asarray(shown.splits), seen))
        edges = np.append(
            np.flatnonzero(begins_request(self.data.log, rows)), len(rows)
        )
        for part in ragged.slices(len(edges) - 1, size):
            first = rows[edges[part.start : part.stop]]
            users = np.asarray(shown.users)[first]
            starts = np.asarray(self.data.watches.offsets)[users]
            ends = starts + np.asarray(shown.num_watches)[first]
            inside = rows[edges[part.start] : edges[part.stop]]
            num_searches = shown.num_searches
            if self._log.searches is not None and num_searches is not None:
                num_searches = np.asarray(num_searches)[first]
            arguments = self._log, users, ends, num_searches, first
            vectors = self.model.vectors_at(*arguments)
            videos = np.asarray(shown.videos)[inside][:, np.newaxis]
            of_row = ragged.rows_of(edges[part.start : part.stop + 1])
            times = shown.request_times[first]
            yield _Pages(inside, videos, of_row, users, ends, times, vectors)


@dataclasses.dataclass(frozen=True)
class _Pages:
    """Some logged requests and the impressions of each.

    Attributes:
      rows: `[n]` rows of the impressions.
      videos: `[n, 1] int32` their videos.
      of_row: `[n]` the request of each.
      users: `[requests]` user indices.
      ends: `[requests]` flat positions where each history ends.
      times: `[requests]` seconds.
      vectors: `[requests, dim] float32` of the users.
    """

    rows: Rows
    videos: npt.NDArray[np.int32]
    of_row: Rows
    users: npt.NDArray[np.integer]
    ends: Rows
    times: Rows
    vectors: Vectors


def begins_request(log: prepared_log.UserLog, rows: Rows) -> npt.NDArray[np.bool_]:
    """Returns whether each impression is the first of its request, `[n] bool`.

    Impressions are sorted by user and time, so those of one request are neighbours.
    """
    index, table = log.shard_index, "impressions"
    changes = np.zeros(len(rows), bool)
    changes[:1] = True
    for name in ("users", "request_times", "num_watches", "devices"):
        if index.has(table, name):
            of_rows = index.gather(table, name, rows)
            changes[1:] |= of_rows[1:] != of_rows[:-1]
    return changes


def _videos(at: log_tensors.Positions) -> npt.NDArray[np.int32]:
    if at.videos is None:
        raise ValueError("expected videos at the positions, received none")
    return np.asarray(at.videos)
