"""What the frozen first stage would have said at moments of the log (DESIGN §7).

The history is rolled back to strictly before each moment, and the candidate model was
trained on earlier watches only, so the ranker learns from what serving will show it.
Logged impressions are asked about once, with one user vector for each page.
"""

import functools

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.candidates import model as candidate_model
from ytdnn.data import positions, prepared
from ytdnn.retrieval import scores

_PAIRS_A_PART = 1 << 16
_NOT_KNOWN = np.iinfo(np.int64).max  # all searches are before it


class Replay:
    """A candidate model opened on a log.

    Attributes:
      data: The prepared set.
    """

    def __init__(
        self,
        model: candidate_model.CandidateModel | candidate_model.Ensemble,
        data: prepared.PreparedData,
    ) -> None:
        """Asks nothing yet."""
        self.data = data
        self._model = model
        self._log = model.open_log(data)
        self._scores = scores.Scores(model.video_vectors())

    def scores(self, at: positions.Positions) -> tf.Tensor:
        """Returns the model's scores `[..., k] float32`, `NO_SCORE` where it has none.

        Of logged impressions those of the ranker's own splits have one.

        Args:
          at: `[n]` positions; those that are not of logged impressions are read
            outside of graphs.

        Raises:
          ValueError: No videos are asked about.
        """
        if at.is_logged:
            return tf.gather(self._of_logged, at.rows)[..., tf.newaxis]
        if at.videos is None:
            raise ValueError("expected videos at the positions, received none")
        vectors = self._vectors(at)
        size = max(1, _PAIRS_A_PART // max(1, int(at.videos.shape[1])))
        parts = [
            self._scores(vectors[start : start + size], at.videos[start : start + size])
            for start in range(0, len(vectors), size)
        ]
        return tf.concat(parts or [tf.zeros(at.videos.shape)], axis=0)

    def _vectors(self, at: positions.Positions) -> npt.NDArray[np.float32]:
        """Returns the users' vectors `[n, dim]` of requests that were not logged."""
        users, ends, times = (np.asarray(x) for x in (at.users, at.ends, at.times))
        num_searches = None
        if self._log.searches is not None:
            times = np.where(times == 0, _NOT_KNOWN, times)
            num_searches = self.data.searches.num_before(users, times)
        return self._model.vectors_at(self._log, users, ends, num_searches)

    @functools.cached_property
    def _of_logged(self) -> tf.Tensor:
        """The score of every logged impression, `[impressions] float32`."""
        # Outside the graph of whoever asks first, such as a step of an input.
        with tf.init_scope(), tf.device("CPU"):
            return tf.constant(self._score_logged())

    def _score_logged(self) -> npt.NDArray[np.float32]:
        shown = self.data.impressions
        found = np.full(len(shown), positions.NO_SCORE, np.float32)
        rows = np.flatnonzero(np.asarray(shown.splits) != prepared.Split.CONTEXT)
        firsts = _first_of_requests(self.data, rows)
        requests = np.cumsum(firsts) - 1
        for start in range(0, len(rows), _PAIRS_A_PART):
            part = slice(start, start + _PAIRS_A_PART)
            used = np.arange(requests[part][0], requests[part][-1] + 1)
            vectors = self._vectors_of(rows[np.flatnonzero(firsts)[used]])
            of_pair = tf.constant(vectors[requests[part] - used[0]])
            videos = tf.constant(np.asarray(shown.videos)[rows[part]][:, np.newaxis])
            found[rows[part]] = self._scores(of_pair, videos)[:, 0].numpy()
        return found

    def _vectors_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Returns the users' vectors `[n, dim]` of the requests of impressions."""
        shown = self.data.impressions
        users = np.asarray(shown.users)[rows]
        ends = np.asarray(self.data.watches.offsets)[users] + shown.num_watches[rows]
        num_searches = None
        if self._log.searches is not None and shown.num_searches is not None:
            num_searches = np.asarray(shown.num_searches)[rows]
        return self._model.vectors_at(self._log, users, ends, num_searches, rows)


def _first_of_requests(
    data: prepared.PreparedData, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Returns which impressions are the first of their request, `[n] bool`.

    Impressions of one request are neighbours: they lie sorted by user and time.
    """
    shown = data.impressions
    changes = np.zeros(len(rows), bool)
    changes[:1] = True
    for values in (shown.users, shown.times, shown.num_watches, shown.devices):
        if values is not None:
            of_rows = np.asarray(values)[rows]
            changes[1:] |= of_rows[1:] != of_rows[:-1]
    return changes
