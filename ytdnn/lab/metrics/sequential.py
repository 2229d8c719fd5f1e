"""Intervals and p-values that hold at every look, not at one fixed beforehand.

Stopping a running test at the first daily p < 0.05 gives far more than one false alarm
in twenty tests. The mixture sequential probability ratio test (Robbins, 1970; Johari,
Koomen, Pekelis and Walsh, *Always Valid Inference: Continuous Monitoring of A/B Tests*,
Operations Research 2022) averages the likelihood ratio over effects θ ~ N(0, τ²). With
an estimate d of variance V at a look,

    Λ = sqrt(V / (V + τ²)) · exp(τ² d² / (2 V (V + τ²))),

and Λ ≥ 1/α happens at any look with probability α at most if there is no effect. The
effects with Λ < 1/α are the confidence sequence. It holds where cov(d_s, d_t) = V_t for
looks s < t, as of means over independent data and, asymptotically, of efficient
estimates of one effect (Kim and Tsiatis, *Independent increments in group sequential
tests*, 2020). Users come back, so their data are not independent; that the rule holds
all the same is tried by A/A tests (`experiments/live.py`).

τ² must be chosen before the test. The interval is narrowest where V is about τ² / 8.5.
"""

import math

ALPHA = 0.05
WIDTHS_SQUARED = 8.5  # τ² over the variance where the 95 % sequence is narrowest


def mixture_variance(planned_variance: float) -> float:
    """Returns τ², for the narrowest interval at a variance that is expected.

    Args:
      planned_variance: Expected variance of the difference at the last look.
    """
    return WIDTHS_SQUARED * planned_variance


def half_width(variance: float, mixture: float, alpha: float = ALPHA) -> float:
    """Returns half the width of the confidence sequence at a look.

    About 3.0 standard errors at the planned variance, where a fixed look has 1.96.

    Args:
      variance: Variance of the estimate at this look.
      mixture: τ².
      alpha: One minus the level.

    >>> round(half_width(1.0, mixture_variance(1.0)), 2)
    3.04
    """
    if not (0.0 < variance < math.inf and mixture > 0.0):
        return math.inf if variance else 0.0
    both = variance + mixture
    room = math.log(1.0 / alpha) + 0.5 * math.log(both / variance)
    return math.sqrt(2.0 * variance * both / mixture * room)


def p_value(difference: float, variance: float, mixture: float) -> float:
    """Returns min(1, 1/Λ); the smallest of all looks so far is always valid.

    >>> p_value(0.0, 1.0, 8.5)
    1.0
    """
    if not (0.0 < variance < math.inf and mixture > 0.0):
        return 1.0
    both = variance + mixture
    exponent = mixture * difference**2 / (2.0 * variance * both)
    return min(1.0, math.exp(0.5 * math.log(both / variance) - exponent))
