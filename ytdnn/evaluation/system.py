"""The two stages composed: candidates of the index, reordered by the ranker.

What serving does: the index is asked for as many more as the user has watched, watched
videos are removed, the best `num_candidates` go to the ranker, and its order is
measured. A list of equal logits keeps the order of the index.
"""

import numpy as np
import numpy.typing as npt

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import models, protocol, summary
from ytdnn.metrics import retrieval

_USERS_A_SEARCH = 256

Lists = npt.NDArray[np.int32]


def candidates_of(
    index: models.Index,
    user_vectors: models.Vectors,
    watched: prepared.Ragged,
    k: int,
) -> Lists:
    """Returns each user's k best unwatched videos of an index, best first.

    Args:
      index: Exact or approximate.
      user_vectors: `[n, dim] float32`.
      watched: Videos to remove.
      k: Length of the lists.

    Returns:
      `[n, k] int32` video indices, 0 where fewer are left.
    """
    num_watched = np.diff(watched.offsets)
    order = np.argsort(num_watched, kind="stable")  # like widths are searched together
    lists = np.zeros([len(user_vectors), k], np.int32)
    for start in range(0, len(order), _USERS_A_SEARCH):
        rows = order[start : start + _USERS_A_SEARCH]
        width = min(k + int(num_watched[rows].max()), index.num_videos)
        found, _ = index.search(user_vectors[rows], width)
        lists[rows, : min(k, width)] = _unwatched(found, _rows(watched, rows))[:, :k]
    return lists


def _unwatched(found: Lists, watched: prepared.Ragged) -> Lists:
    """Returns lists without watched videos, closed up and filled with 0."""
    gone = retrieval.hits_of(found, *watched) | (found == 0)
    kept_first = np.argsort(gone, axis=1, kind="stable")
    closed = np.where(gone, 0, found)
    lists: Lists = np.take_along_axis(closed, kept_first, axis=1)
    return lists


def _rows(ragged: prepared.Ragged, rows: npt.NDArray[np.integer]) -> prepared.Ragged:
    """Returns some rows of a ragged array."""
    offsets, videos = ragged
    sizes = np.diff(offsets)[rows]
    chosen = np.append(0, np.cumsum(sizes))
    within = np.arange(chosen[-1]) - np.repeat(chosen[:-1], sizes)
    return prepared.Ragged(chosen, videos[np.repeat(offsets[rows], sizes) + within])


def reordered(
    data: prepared.PreparedData,
    ranker: models.Ranker,
    cases: protocol.Cases,
    lists: Lists,
) -> Lists:
    """Returns the lists in the ranker's order; padding stays last."""
    logits = ranker.score_candidates(data, cases.users, cases.ends, cases.times, lists)
    descending = -np.where(lists > 0, logits, -np.inf)
    order = np.argsort(descending, axis=1, kind="stable")
    result: Lists = np.take_along_axis(lists, order, axis=1)
    return result


def evaluate(
    lists: Lists, cases: protocol.Cases, config: configs.Evaluation
) -> summary.PerUser:
    """Returns the metrics of lists, `{"recall@10": [cases] float64, …}`."""
    return retrieval.metrics_at(lists, *cases.targets, config.ks)
