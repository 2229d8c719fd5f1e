"""Metrics of ranked lists: one value for each user, by `[num_users]` arrays.

Every function takes the same three arguments:

  hits: `[num_users, length] bool`, whether the list's item at each rank, best first,
    is relevant to the user. A list that ends early is padded with False.
  num_relevant: `[num_users] int`, how many items are relevant to the user, in the
    list or not. A user with none gets 0.0 from every metric, as in ranx.
  k: Length at which the list is cut. A list shorter than `k` is padded with irrelevant
    items.

Relevance is binary, no item is twice in a list, and `hits` has no more hits in a row
than `num_relevant`. All definitions agree with ranx.
"""

import functools

import numpy as np
import numpy.typing as npt

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names

Hits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.integer]
PerUser = npt.NDArray[np.float64]

_registered = functools.partial(
    registries.METRICS.register, inputs="hits", is_default=True
)


@_registered(
    "recall",
    title="recall",
    text="right videos among the first k, divided by all right answers of the user, "
    "retrievable or not (as ranx).",
)
def recall(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns hits among the first k, divided by all relevant items.

    >>> recall(np.array([[True, False, True, False]]), np.array([4]), k=4).item()
    0.5
    """
    return _num_hits(hits, k) / np.maximum(num_relevant, 1)


@_registered(
    "precision",
    title="precision",
    text="right videos among the first k, divided by k, also where the list or the "
    "number of right answers is shorter (as ranx).",
)
def precision(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns hits among the first k, divided by k (however long the list is).

    >>> precision(np.array([[True, False, True, False]]), np.array([3]), k=4).item()
    0.5
    """
    del num_relevant
    return _num_hits(hits, k) / k


@_registered(
    "hit_rate",
    title="hit rate",
    text="1 if at least one of the first k is right, else 0. With one right answer a "
    "user, as in leave_one_out, the same as recall and known as HR@k.",
)
def hit_rate(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns 1.0 where the first k hold at least one relevant item, else 0.0.

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([1, 1]), k=2)
    array([1., 0.])
    """
    del num_relevant
    return (_num_hits(hits, k) > 0).astype(np.float64)


@_registered(
    "map",
    title="MAP",
    text="average precision: precision@i summed over the ranks i ≤ k of right videos, "
    "divided by all right answers of the user, not by min(k, answers): a user with "
    "more than k right answers cannot reach 1 (as ranx).",
)
def average_precision(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns average precision at k; its mean over users is MAP@k.

    `Σ_{i ≤ k} hit_i · precision@i / num_relevant`. The divisor is *all* relevant
    items, as in ranx, not `min(k, num_relevant)`: a user with more than k relevant
    items cannot reach 1.

    >>> average_precision(np.array([[True, False, True]]), np.array([2]), k=3).item()
    0.8333333333333333
    """
    cut = hits[:, :k]
    precisions = np.cumsum(cut, axis=1) / np.arange(1, cut.shape[1] + 1)
    return (precisions * cut).sum(axis=1) / np.maximum(num_relevant, 1)


@_registered(
    "ndcg",
    title="nDCG",
    text="sum of 1 / log2(rank + 1) over the right videos among the first k, divided "
    "by the same sum of an ideal list, whose first min(k, answers) are right (as "
    "ranx).",
)
def ndcg(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns the normalised discounted cumulative gain at k with binary gains.

    `Σ_{i ≤ k} hit_i / log2(i + 1)`, divided by the same sum of the ideal list, in which
    the first `min(k, num_relevant)` items are hits.

    >>> ndcg(np.array([[False, False, True]]), np.array([1]), k=3).item()
    0.5
    """
    cut = hits[:, :k]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    best = ideal[np.minimum(num_relevant, k)]
    gained = (cut * discounts[: cut.shape[1]]).sum(axis=1)
    return gained / np.where(best > 0.0, best, 1.0)


@_registered(
    "mrr",
    title="MRR",
    text="1 / rank of the first right video among the first k, 0 without one (as "
    "ranx).",
)
def reciprocal_rank(hits: Hits, num_relevant: Counts, k: int) -> PerUser:
    """Returns one over the rank of the first hit within k, 0 without one.

    Its mean over users is MRR@k.

    >>> reciprocal_rank(np.array([[False, True, True]]), np.array([2]), k=3).item()
    0.5
    """
    del num_relevant
    cut = hits[:, :k]
    if cut.shape[1] == 0:
        return np.zeros(len(hits))
    return cut.any(axis=1) / (1.0 + cut.argmax(axis=1))


METRICS = {
    name: part.make for name, part in registries.METRICS.registered_in(__name__).items()
}


def evaluate(
    hits: Hits, num_relevant: Counts, ks: tuple[int, ...]
) -> dict[str, PerUser]:
    """Returns every metric at every k, keyed as "recall@10".

    >>> values = evaluate(np.array([[False, True]]), np.array([1]), ks=(1, 2))
    >>> values["hit_rate@1"].item(), values["mrr@2"].item()
    (0.0, 0.5)
    """
    return {
        metric_names.at(name, k): metric(hits, num_relevant, k)
        for k in ks
        for name, metric in METRICS.items()
    }


def _num_hits(hits: Hits, k: int) -> npt.NDArray[np.int64]:
    return hits[:, :k].sum(axis=1, dtype=np.int64)
