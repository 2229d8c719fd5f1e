"""Off-policy estimates: the reward of another policy, from the log of a random one.

Each logged decision is a place on a page: the video there was drawn with a given
probability, the propensity, given the request and the places before it. A decision of
reward r weighs w = π(shown) / propensity, where π is the policy to judge.

- *inverse propensity* (IPS; Horvitz and Thompson, 1952): the mean of w · r. Unbiased
  where the log could have shown all that π shows; large weights make it noisy.
- *self-normalised* (SNIPS; Swaminathan and Joachims, NIPS 2015): Σ w · r / Σ w. A
  little biased, far less noisy, and a constant added to all rewards moves it by that
  constant.
- *doubly robust* (DR; Dudík, Langford and Li, ICML 2011): a model of the reward,
  averaged over π, plus the mean of w · (r − model). Right where either the model or the
  propensities are.

A decision is judged by itself: the reward of π's video in this place, given the logged
places before it. For pages that π fills from the first place on, the weight of a place
is multiplied by those of the places before it (`before`; per-decision importance
sampling: Precup, Sutton and Singh, ICML 2000), and the model's mean is that of the
place in π's own slates (Jiang and Li, ICML 2016, with the slate and one more video as
the next state): the same estimates, for whole slates, and far noisier.

Intervals are over users, as a user's decisions are not independent.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from ytdnn.lab.metrics import ab_test

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Logged decisions, all `[n]`.

    Attributes:
      users: User of each, integers.
      rewards: Reward of each, such as watch seconds.
      propensities: Probability with which the log showed its video, in (0, 1].
      target: Probability with which the policy to judge would have shown it.
      modelled: A model's reward of the shown video; needed for `doubly_robust`.
      modelled_target: The model's reward averaged over the policy to judge; with
        `before`, over the pages that it makes from the first place on.
      before: Product of the weights of the places before it on its page, as from
        `weights_before`; None: each decision is judged by itself.
    """

    users: npt.NDArray[np.int64]
    rewards: Array
    propensities: Array
    target: Array
    modelled: Array | None = None
    modelled_target: Array | None = None
    before: Array | None = None

    def __post_init__(self) -> None:
        """Checks the propensities.

        Raises:
          ValueError: One is not in (0, 1].
        """
        inside = (self.propensities > 0.0) & (self.propensities <= 1.0)
        if not inside.all():
            raise ValueError(
                f"expected propensities in (0, 1], received "
                f"{self.propensities[~inside][0]}"
            )

    def weights(self) -> Array:
        """Returns π over propensity, times the weights of the places before."""
        before = 1.0 if self.before is None else self.before
        return before * self.target / self.propensities


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Mean reward of a decision of the policy to judge.

    Attributes:
      value: The estimate.
      low: Lower end of its 95 % interval over users.
      high: Upper end.
      effective_size: Number of decisions of equal weight with the same information.
    """

    value: float
    low: float
    high: float
    effective_size: float


def weights_before(ratios: Array) -> Array:
    """Returns the product of the weights of the places before each, `[n, places]`.

    >>> weights_before(np.array([[2.0, 0.5, 0.0, 3.0]]))
    array([[1., 2., 1., 0.]])

    Args:
      ratios: `[n, places]`, π over propensity of each place.
    """
    ones = np.ones((len(ratios), 1))
    earlier: Array = np.hstack([ones, ratios[:, :-1]])
    return earlier.cumprod(axis=1)


def mean_reward(logged: Decisions) -> Estimate:
    """Returns the mean reward of the log: every decision weighs 1."""
    return _mean(logged, logged.rewards, np.ones(len(logged.rewards)))


def mean_weight(logged: Decisions) -> Estimate:
    """Returns the mean weight: 1 in expectation if the log can show all videos of π.

    Below 1 the log could not have shown some videos of π, or the propensities are too
    high; `inverse_propensity` is then too low by the reward of those videos.
    """
    return _mean(logged, logged.weights(), logged.weights())


def inverse_propensity(logged: Decisions) -> Estimate:
    """Returns the mean of weight times reward.

    >>> users, halves = np.arange(2), np.array([0.5, 0.5])
    >>> logged = Decisions(users, np.array([1.0, 0.0]), halves, np.array([1.0, 0.0]))
    >>> inverse_propensity(logged).value
    1.0
    """
    weights = logged.weights()
    return _mean(logged, weights * logged.rewards, weights)


def self_normalised(logged: Decisions) -> Estimate:
    """Returns the mean of rewards by weight; NaN where no weight is above 0."""
    weights = logged.weights()
    return _ratio(logged, weights * logged.rewards, weights, weights)


def doubly_robust(logged: Decisions) -> Estimate:
    """Returns the model's mean reward, corrected by the model's errors on the log.

    Raises:
      ValueError: There is no model.
    """
    if logged.modelled is None or logged.modelled_target is None:
        raise ValueError("expected modelled and modelled_target, received none")
    weights = logged.weights()
    left = weights * (logged.rewards - logged.modelled)
    return _mean(logged, logged.modelled_target + left, weights)


def effective_size(weights: Array) -> float:
    """Returns `(Σ w)² / Σ w²`, 0 of no weight.

    >>> effective_size(np.array([2.0, 2.0, 0.0]))
    2.0
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _mean(logged: Decisions, values: Array, weights: Array) -> Estimate:
    return _ratio(logged, values, np.ones(len(values)), weights)


def _ratio(logged: Decisions, above: Array, below: Array, weights: Array) -> Estimate:
    """Returns the ratio of two sums, with its interval over users."""
    rows = np.unique(logged.users, return_inverse=True)[1]
    sums = (np.bincount(rows, values).astype(np.float64) for values in (above, below))
    share = ab_test.ratio(*sums)
    low, high = ab_test.interval(share.value, share.standard_error)
    return Estimate(share.value, low, high, effective_size(weights))
