"""Watch time in the choice of the ranker's candidates.

    order of a video = weight · log(mean seconds of its impressions) - log(3 + place)

Of the candidate model's first videos, several times as many as the ranker scores, those
with the largest order are its candidates. The model's own lists stay as they are: it
predicts what is watched next, the ranker what is watched long (PAPER §4.2).
"""

import numpy as np
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.log import prepared
from ytdnn.retrieval import impression_rates, interface, row_ops

DEPTH = 3  # times as many videos as candidates
_SHARPNESS = 3.0  # of the first places


class SecondsOrder(tf.Module):
    """Chooses candidates among the first videos of a list."""

    def __init__(
        self,
        data: prepared.PreparedData,
        composition: configs.CompositionConfig,
        moment: int,
    ) -> None:
        """Counts the mean seconds of every video, as of a moment.

        Args:
          data: The prepared set, with watch time.
          composition: Weight of the seconds, and number of candidates.
          moment: The second before which impressions count.
        """
        super().__init__()
        every = np.arange(data.num_videos + 1)
        sums = impression_rates.sums_before(data, every, moment)
        log_seconds = impression_rates.order(impression_rates.MEAN_SECONDS, sums)
        values = float(composition.seconds_weight) * log_seconds
        self._of_videos = tf.Variable(
            values.astype(np.float32), trainable=False, name="seconds_order"
        )
        self._num = composition.num_candidates

    def __call__(self, ranked: tf.Tensor) -> tf.Tensor:
        """Returns the candidates, `[batch, num_candidates] int32`, 0 = none.

        Args:
          ranked: `[batch, n] int32` videos, best first, 0 = none.
        """
        places = tf.range(tf.shape(ranked)[1], dtype=tf.float32)
        order = tf.gather(self._of_videos, ranked) - tf.math.log(_SHARPNESS + places)
        order = tf.where(ranked > 0, order, float("-inf"))
        best = row_ops.best_first(order)[:, : self._num]
        chosen = row_ops.taken(ranked, best)
        padded = tf.pad(chosen, [[0, 0], [0, self._num - tf.shape(chosen)[1]]])
        return tf.ensure_shape(padded, [None, self._num])


class SecondsSource(interface.Source):
    """Proposes candidates among the first videos of another source."""

    kind = interface.TOWER

    def __init__(self, source: interface.Source, order: SecondsOrder) -> None:
        """Stores the source, which proposes more videos, and the order."""
        super().__init__(source.num // DEPTH)
        self._source, self._order = source, order

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the chosen candidates, those with the largest order first."""
        videos = self._order(self._source.propose(requests).videos)
        return interface.Proposal(videos, tf.zeros_like(videos))
