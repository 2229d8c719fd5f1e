"""Recalibration of predictions by two numbers (Platt, 1999).

The log odds of a probability, or the log of an expected amount, become `a + b · x`, by
maximum likelihood on examples that were not trained on: logistic regression, or Poisson
regression of the log amount, which makes the mean equal to that of the observations.
Two numbers keep the order and do not follow noise, as the steps of an isotonic
regression do on a few thousand examples.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_STEPS = 50  # of Newton's method, at most
_CONVERGED = 1e-9
# The 95 % quantile of χ² with two degrees of freedom.
_CRITICAL = 5.991

Floats = npt.NDArray[np.floating]
Means = Callable[[Floats], tuple[Floats, Floats]]


@dataclasses.dataclass(frozen=True)
class Line:
    """A prediction x becomes `shift + slope · x`.

    Attributes:
      shift: Constant a.
      slope: Factor b, above 0.
    """

    shift: float = 0.0
    slope: float = 1.0

    def moved(self, values: Any) -> Any:
        """Returns `shift + slope · values`, `[...]`; the identity returns `values`.

        Args:
          values: Array or tensor `[...]`.
        """
        return values if self == IDENTITY else self.shift + self.slope * values


IDENTITY = Line()


def fit_log_odds(log_odds: Floats, happened: Floats) -> Line:
    """Returns the line of log odds; the identity if they are calibrated.

    >>> x = np.linspace(-3, 3, 20_001)
    >>> happened = np.random.default_rng(0).random(len(x)) < 1 / (1 + np.exp(1 - x / 2))
    >>> line = fit_log_odds(x, happened)
    >>> round(line.shift, 1), round(line.slope, 1)
    (-1.0, 0.5)

    Args:
      log_odds: `[n]`, finite.
      happened: `[n]`, 0 or 1.
    """

    def means(x: Floats) -> tuple[Floats, Floats]:
        chances = 1.0 / (1.0 + np.exp(-np.clip(x, -50.0, 50.0)))
        return chances, chances * (1.0 - chances)

    return _fitted(log_odds, happened, means)


def fit_log_amounts(log_amounts: Floats, observed: Floats) -> Line:
    """Returns the line of log amounts; the identity if they are calibrated.

    Args:
      log_amounts: `[n]`, finite logarithms of expected amounts.
      observed: `[n]`, at least 0.
    """

    def means(x: Floats) -> tuple[Floats, Floats]:
        amounts = np.exp(np.clip(x, -50.0, 50.0))
        return amounts, amounts

    return _fitted(log_amounts, observed, means)


def _fitted(predicted: Floats, observed: Floats, means: Means) -> Line:
    """Returns the maximum-likelihood line if it surely differs from the identity.

    The test is Wald's with the sandwich covariance (White, 1982), which does not assume
    the
    likelihood: watch times vary far more than a Poisson variable. If no line with a
      positive
    slope is found, as for constant predictions, the result is the identity, or only a
    shift.
    """
    x = np.asarray(predicted, np.float64)
    y = np.asarray(observed, np.float64)
    if len(x) < 3 or not y.any():
        return IDENTITY
    varies = float(x.std()) > _CONVERGED
    inputs = np.column_stack([np.ones(len(x)), x] if varies else [np.ones(len(x))])
    offset = np.zeros(len(x)) if varies else x
    start = np.array([0.0, 1.0] if varies else [0.0])
    coefficients = _newton(inputs, offset, y, start, means)
    if coefficients is None or (varies and coefficients[1] <= 0.0):
        return IDENTITY
    mean, weight = means(inputs @ coefficients + offset)
    bread = np.linalg.pinv(inputs.T @ (inputs * weight[:, np.newaxis]))
    scores = inputs * (y - mean)[:, np.newaxis]
    covariance = bread @ (scores.T @ scores) @ bread
    difference = coefficients - start
    if difference @ np.linalg.pinv(covariance) @ difference <= _CRITICAL:
        return IDENTITY
    return Line(float(coefficients[0]), float(coefficients[1]) if varies else 1.0)


def _newton(
    inputs: Floats, offset: Floats, observed: Floats, start: Floats, means: Means
) -> Floats | None:
    """Returns the maximum-likelihood coefficients; None if Newton's method fails.

    Args:
      inputs: `[n, coefficients]`.
      offset: `[n]`, added to the linear predictor with coefficient 1.
      observed: `[n]`.
      start: `[coefficients]` to start from.
      means: Function that returns the means, and their derivatives, of linear
        predictors.
    """
    coefficients = start.copy()
    for _ in range(_STEPS):
        mean, weight = means(inputs @ coefficients + offset)
        hessian = inputs.T @ (inputs * weight[:, np.newaxis])
        try:
            step = np.linalg.solve(hessian, inputs.T @ (observed - mean))
        except np.linalg.LinAlgError:
            return None
        # Bounded, since nearly separable data would send full steps too far.
        coefficients = coefficients + np.clip(step, -1.0, 1.0)
        if not np.isfinite(coefficients).all():
            return None
        if np.abs(step).max() < _CONVERGED:
            return coefficients
    return None
