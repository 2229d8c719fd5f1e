"""A candidate source: videos of other users with watches in common with this user.

    ytdnn export --workdir=RUN --config.extensions=neighbours.py \
        --config.composition.sources=fresh_uploads=0.2,neighbours=0.1

A table lists, for each video, the videos that most of its viewers watched too. Rare
videos and users with few watches weigh more. Every watch of the history votes for its
row, and votes are added up. That is the user-neighbour model, cut to the nearest videos
of each video. The table is counted in the candidates' training window. The candidate
model `user_neighbours`, a baseline, is the same without the cut.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from ytdnn import registries
from ytdnn.base import ragged
from ytdnn.log import prepared, raw_request, slice_batches
from ytdnn.retrieval import interface, matrix_models, row_ops

_NEIGHBOURS = 50
_SEEDS = 50  # last watches that vote
_MOST_OF_A_USER = 500  # latest training watches, since pairs grow with their square
_VIDEOS_A_BLOCK = 4_096

Table = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]


@registries.SOURCES.register("neighbours")
class Neighbours(interface.Source):
    """The neighbours of all watches, by the sum of their votes."""

    kind = interface.CO_WATCH

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts the table on the candidates' training window."""
        super().__init__(num)
        videos, weights = table(data, _NEIGHBOURS)
        self._videos = tf.Variable(videos, trainable=False)
        self._weights = tf.Variable(weights, trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the videos with most votes; seeds are the watches of the largest."""
        seeds = raw_request.last(requests.watched, _SEEDS)
        size = _SEEDS * _NEIGHBOURS
        weights = tf.reshape(tf.gather(self._weights, seeds), [-1, size])
        videos = tf.reshape(tf.gather(self._videos, seeds), [-1, size])
        largest = row_ops.best_first(weights)
        weights, videos, seeds = (
            tf.gather(values, largest, batch_dims=1)
            for values in (weights, videos, tf.repeat(seeds, _NEIGHBOURS, axis=1))
        )
        return self.best_permitted(
            requests, videos, row_ops.totals(videos, weights), seeds
        )


def table(data: prepared.PreparedData, num: int) -> Table:
    """Returns the nearest videos of each video, nearest first.

    The weight of b for a is the sum over the users of both of one over the root of the
    user's watches, times one over the roots of both videos' watches, all damped.

    Args:
      data: The prepared set.
      num: Number of neighbours of each video.

    Returns:
      catalogue indices `[num_videos + 1, num]`, padded with 0, and weights.
    """
    counts = _matrix(data)
    of_users, of_videos = matrix_models.damped(counts)
    scaled = (counts @ sparse.diags(of_videos)).astype(np.float32).tocsr()
    weighted = (sparse.diags(of_users) @ scaled).astype(np.float32).tocsr()
    by_video = scaled.T.tocsr()
    videos = np.zeros((counts.shape[1], num), np.int32)
    weights = np.zeros((counts.shape[1], num), np.float32)
    for start in range(0, counts.shape[1], _VIDEOS_A_BLOCK):
        near = (by_video[start : start + _VIDEOS_A_BLOCK] @ weighted).tocoo()
        owners, other, value = near.row + start, near.col, near.data
        is_other = owners != other
        owners, other, value = owners[is_other], other[is_other], value[is_other]
        chosen, places = ragged.first_of_groups(owners, [-value, other], num)
        videos[owners[chosen], places] = other[chosen]
        weights[owners[chosen], places] = value[chosen]
    return videos, weights


def _matrix(data: prepared.PreparedData) -> sparse.csr_matrix:
    """Returns `[users, num_videos + 1]`, 1 at a user's latest training watches."""
    parts = []
    for shard in slice_batches.training_set(data).log.shards:
        watches = shard.read().watches
        users, videos = watches.users, np.asarray(watches.videos)
        ends = np.searchsorted(users, users, side="right")
        keep = (ends - np.arange(len(users)) <= _MOST_OF_A_USER) & (videos > 0)
        pairs = users[keep], videos[keep]
        shape = shard.num_users, data.num_videos + 1
        ones = np.ones(len(pairs[0]), np.float32)
        parts.append(sparse.csr_matrix((ones, pairs), shape=shape))
    matrix = sparse.vstack(parts, format="csr", dtype=np.float32)
    matrix.data[:] = 1.0
    return matrix
