"""Metrics of binary labels: AUC and log loss, optionally weighted."""

import numpy as np
import numpy.typing as npt

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
    weights = _weights(labels, weights)[order]
    positives = np.where(labels[order], weights, 0.0)
    negatives = weights - positives
    starts = _starts_of_runs(np.asarray(scores)[order])
    if not len(starts):
        return float("nan")
    positives = np.add.reduceat(positives, starts)
    negatives = np.add.reduceat(negatives, starts)
    below = np.cumsum(negatives) - negatives / 2.0
    pairs = positives.sum() * negatives.sum()
    return float(positives @ below / pairs) if pairs > 0.0 else float("nan")


def log_loss(labels: Labels, logits: Scores, weights: Weights | None = None) -> float:
    """Returns the weighted mean of the logistic loss.

    `Σ w · (log(1 + e^x) − y·x) / Σ w`, computed without overflow at any logit.

    Args:
      labels: `[n] bool`.
      logits: `[n]`, log-odds.
      weights: `[n]`, at least 0; None for 1.

    Returns:
      The loss in nats; NaN where there is no example or no weight.

    >>> round(log_loss(np.array([True, False]), np.array([0.0, 0.0])), 4)
    0.6931
    """
    weights = _weights(labels, weights)
    total = weights.sum()
    losses = log_losses(labels, logits)
    return float(weights @ losses / total) if total > 0.0 else float("nan")


def log_losses(labels: Labels, logits: Scores) -> npt.NDArray[np.float64]:
    """Returns `log(1 + e^x) − y·x` of each example.

    >>> log_losses(np.array([True]), np.array([1000.0]))
    array([0.])
    """
    logits = np.asarray(logits, np.float64)
    return np.logaddexp(0.0, np.where(labels, -logits, logits))


def _weights(labels: Labels, weights: Weights | None) -> npt.NDArray[np.float64]:
    if weights is None:
        return np.ones(len(labels))
    return np.asarray(weights, np.float64)


def _starts_of_runs(values: npt.NDArray[np.generic]) -> npt.NDArray[np.intp]:
    if not len(values):
        return np.zeros(0, np.intp)
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
