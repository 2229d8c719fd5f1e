"""Metrics of binary labels: AUC, AUC within groups, log losses."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import bootstrap, tied_values

NUM_BINS = 512
_LEAST_PROBABILITY = 1e-7

Labels = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating]
Weights = npt.NDArray[np.floating]


def auc(labels: Labels, scores: Scores, weights: Weights | None = None) -> float:
    """Returns the area under the ROC curve by one sort.

    The share of (positive, negative) pairs, weighted by the product of the two
    weights, in which the positive scores higher; a tie counts one half.

    Args:
      labels: `[n] bool`.
      scores: `[n]`, any increasing transform of the logit.
      weights: `[n]`, at least 0; None for 1.

    Returns:
      A number in [0, 1]; NaN where either class is empty or weighs nothing.

    >>> auc(np.array([True, False, True]), np.array([0.5, 0.5, 0.9]))
    0.75
    """
    order = np.argsort(scores, kind="stable")
    weights = weights_of(labels, weights)[order]
    positives = np.where(labels[order], weights, 0.0)
    negatives = weights - positives
    starts = np.flatnonzero(tied_values.starts(np.asarray(scores)[order]))
    if not len(starts):
        return float("nan")
    positives = np.add.reduceat(positives, starts)
    negatives = np.add.reduceat(negatives, starts)
    below = np.cumsum(negatives) - negatives / 2.0
    pairs = positives.sum() * negatives.sum()
    return bootstrap.ratio(float(positives @ below), pairs)


def auc_draws(
    groups: npt.NDArray[np.integer],
    labels: Labels,
    scores: Scores,
    counts: Iterable[npt.NDArray[np.float64]],
    num_bins: int = NUM_BINS,
) -> npt.NDArray[np.float64]:
    """Returns the AUC for many draws of group weights.

    Scores are sorted into `num_bins` quantiles once, so a draw is a matrix product with
    a cost that does not depend on the number of examples. A pair within one bin counts
    one half, which shifts all draws by about the same; they are shifted back so that
    the draw with weight 1 for every group has the exact AUC.

    Args:
      groups: `[n]`, numbers from 0 on.
      labels: `[n] bool`.
      scores: `[n]`.
      counts: Blocks `[draws, num_groups]` of group weights.
      num_bins: Quantiles of the scores.

    Returns:
      `[all draws]`; NaN where either class is empty.

    >>> labels, scores = np.array([True, False]), np.array([2.0, 1.0])
    >>> auc_draws(np.array([0, 1]), labels, scores, [np.array([[1.0, 2.0], [0, 1]])])
    array([ 1., nan])
    """
    labels, scores = np.asarray(labels, bool), np.asarray(scores)
    edges = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, num_bins + 1)[1:-1]))
    bins = np.searchsorted(edges, scores, side="right")
    num_groups, width = int(np.max(groups)) + 1, len(edges) + 1
    place = np.asarray(groups, np.int64) * width + bins
    histograms = [
        np.bincount(place[kind], minlength=num_groups * width)
        .reshape(num_groups, width)
        .astype(np.float32)
        for kind in (labels, ~labels)
    ]

    def auc_of(block: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        positives, negatives = (block.astype(np.float32) @ h for h in histograms)
        below = np.cumsum(negatives, axis=1, dtype=np.float64) - negatives / 2.0
        pairs = (
            positives.sum(axis=1, dtype=np.float64) * (below + negatives / 2.0)[:, -1]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(
                pairs > 0.0, (positives * below).sum(axis=1) / pairs, np.nan
            )

    once = auc_of(np.ones((1, num_groups)))[0]
    return (
        np.concatenate([auc_of(block) for block in counts]) + auc(labels, scores) - once
    )


def grouped_auc(
    groups: npt.NDArray[np.integer], labels: Labels, scores: Scores, num_groups: int
) -> npt.NDArray[np.float64]:
    """Returns the AUC within each group, by one sort and no loop over groups.

    From the ranks of the positives (Mann and Whitney), tied scores sharing the mean
    of their ranks.

    Args:
      groups: `[n]`, numbers from 0 to `num_groups` - 1.
      labels: `[n] bool`.
      scores: `[n]`.
      num_groups: Length of the result.

    Returns:
      `[num_groups]` in [0, 1]; NaN where a group lacks either class.

    >>> labels = np.array([True, False, True, False])
    >>> grouped_auc(np.array([0, 0, 1, 1]), labels, np.array([2, 1, 1, 2]), 3)
    array([ 1.,  0., nan])
    """
    order = np.lexsort((scores, groups))
    group, score = np.asarray(groups)[order], np.asarray(scores)[order]
    clicked = np.asarray(labels, bool)[order]
    sizes = np.bincount(group, minlength=num_groups)
    firsts = np.cumsum(sizes) - sizes
    starts = np.flatnonzero(
        np.diff(group, prepend=-1).astype(bool) | np.diff(score, prepend=0).astype(bool)
    )
    lengths = np.diff(starts, append=len(order))
    ranks = np.repeat(starts + (lengths + 1) / 2.0, lengths) - firsts[group]
    positives = np.bincount(group, clicked, num_groups)
    pairs = positives * (sizes - positives)
    rank_sums = np.bincount(group, np.where(clicked, ranks, 0.0), num_groups)
    above = rank_sums - positives * (positives + 1.0) / 2.0
    return np.where(pairs > 0.0, above / np.maximum(pairs, 1.0), np.nan)


def log_losses(labels: Labels, logits: Scores) -> npt.NDArray[np.float64]:
    """Returns `log(1 + e^x) − y·x` of each example.

    >>> log_losses(np.array([True]), np.array([1000.0]))
    array([0.])
    """
    logits = np.asarray(logits, np.float64)
    return np.logaddexp(0.0, np.where(labels, -logits, logits))


def click_log_losses(labels: Labels, probabilities: Scores) -> npt.NDArray[np.float64]:
    """Returns `−log p` of each example with the label, `−log(1 − p)` of the others.

    Probabilities are cut to [10⁻⁷, 1 − 10⁻⁷], the precision of float32 near 1, so that
    a wrong certainty costs 16.1 and not infinity.

    >>> click_log_losses(np.array([True, False]), np.array([0.5, 0.0])).round(4)
    array([0.6931, 0.    ])
    """
    given = np.asarray(probabilities, np.float64)
    clipped = np.clip(given, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    return -np.log(np.where(labels, clipped, 1.0 - clipped))


def weights_of(labels: Labels, weights: Weights | None) -> npt.NDArray[np.float64]:
    """Returns the weight of each example, 1 where none are given."""
    if weights is None:
        return np.ones(len(labels))
    return np.asarray(weights, np.float64)
