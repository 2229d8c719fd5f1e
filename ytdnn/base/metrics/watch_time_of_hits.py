"""Metrics of ranked lists that weigh right answers by the seconds they were watched.

A ranker of watch time is judged by these on any log (PAPER §4): of two lists with as
many right answers, the one with answers that were watched for longer is better. Every
function takes the same three arguments:

  seconds: `[num_users, length]`, how long the user later watched the list's item at
    each rank, best first; 0.0 where the item is no right answer.
  relevant: Seconds of each user's right answers, in the list or not, as ragged
    `(offsets [num_users + 1], values)`. A user without any gets 0.0.
  k: Length at which the list is cut. A list shorter than `k` is padded with items that
    are no right answers.

With one second for every right answer, recall and nDCG are those of `ranking`.
"""

import functools

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged, registries
from ytdnn.base.metrics import metric_names

Seconds = npt.NDArray[np.float64]

_registered = functools.partial(
    registries.METRICS.register, inputs="seconds", is_default=True
)


@_registered(
    "hit_watch_seconds",
    title="watch seconds of hits",
    text="seconds the user later watched, in the evaluated window, of the right videos "
    "among the first k (ours, after PAPER §4).",
)
def hit_watch_seconds(seconds: Seconds, relevant: ragged.Ragged, k: int) -> Seconds:
    """Returns the seconds that the right answers among the first k were watched.

    >>> answers = ragged.Ragged(np.array([0, 2]), np.array([60.0, 30.0]))
    >>> hit_watch_seconds(np.array([[0.0, 30.0]]), answers, k=2).item()
    30.0
    """
    del relevant
    return seconds[:, :k].sum(axis=1)


@_registered(
    "watch_time_recall",
    title="watch-time recall",
    text="hit_watch_seconds divided by the seconds of all right answers of the user: "
    "recall with watch time as weight (PAPER §4).",
)
def recall(seconds: Seconds, relevant: ragged.Ragged, k: int) -> Seconds:
    """Returns the share of all right answers' seconds that the first k hold.

    >>> answers = ragged.Ragged(np.array([0, 2]), np.array([60.0, 30.0]))
    >>> recall(np.array([[0.0, 30.0]]), answers, k=2).item()
    0.3333333333333333
    """
    hit = hit_watch_seconds(seconds, relevant, k)
    total = np.bincount(relevant.rows, relevant.values, len(seconds))
    return hit / np.where(total > 0.0, total, 1.0)


@_registered(
    "watch_time_ndcg",
    title="watch-time nDCG",
    text="nDCG with the watch seconds of each right answer as its gain, sum of gain / "
    "log2(rank + 1); the ideal list has the longest watched first (Järvelin and "
    "Kekäläinen, 2002).",
)
def ndcg(seconds: Seconds, relevant: ragged.Ragged, k: int) -> Seconds:
    """Returns the normalised discounted cumulative gain at k, seconds as gains.

    `Σ_{i ≤ k} seconds_i / log2(i + 1)`, divided by the same sum of the ideal list,
    which holds the right answers, the longest watched first.

    >>> answers = ragged.Ragged(np.array([0, 2]), np.array([30.0, 60.0]))
    >>> ndcg(np.array([[60.0, 30.0]]), answers, k=2).item()
    1.0
    """
    cut = seconds[:, :k]
    gained = (cut / np.log2(np.arange(2, cut.shape[1] + 2))).sum(axis=1)
    order = np.lexsort((-relevant.values, relevant.rows))
    ranks = np.arange(len(order)) - relevant.offsets[:-1][relevant.rows]
    inside = ranks < k
    gains = relevant.values[order][inside] / np.log2(ranks[inside] + 2)
    best = np.bincount(relevant.rows[inside], gains, len(seconds))
    return gained / np.where(best > 0.0, best, 1.0)


METRICS = {
    name: part.make for name, part in registries.METRICS.registered_in(__name__).items()
}


def evaluate(
    seconds: Seconds, relevant: ragged.Ragged, ks: tuple[int, ...]
) -> dict[str, Seconds]:
    """Returns every metric at every k, keyed as "watch_time_recall@10".

    >>> answers = ragged.Ragged(np.array([0, 1]), np.array([60.0]))
    >>> values = evaluate(np.array([[0.0, 60.0]]), answers, ks=(1, 2))
    >>> [values[f"watch_time_recall@{k}"].item() for k in (1, 2)]
    [0.0, 1.0]
    """
    return {
        metric_names.at(name, k): metric(seconds, relevant, k)
        for k in ks
        for name, metric in METRICS.items()
    }
