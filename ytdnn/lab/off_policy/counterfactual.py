"""Off-policy estimates of the systems' slates, from the log of another recommender.

In logged slates with propensities (`logged_pages`), each place is a decision. A
system's own page policy gives the probability with which it would have shown the same
video there (`page_choices`), and `metrics.off_policy` turns both into estimates. The
candidates of a system are those for the logged request, with its history rolled back as
everywhere; the ranker's predictions are the model of the reward.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.evaluation import report_parts, report_types
from ytdnn.lab.metrics import off_policy
from ytdnn.lab.off_policy import logged_pages, page_choices

Estimate = off_policy.Estimate
Choices = page_choices.Choices

CLICKS, WATCH_SECONDS = "clicks", "watch_seconds"
ESTIMATORS = {
    "ips": off_policy.inverse_propensity,
    "snips": off_policy.self_normalised,
    "dr": off_policy.doubly_robust,
}

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class DecisionLog:
    """Logged pages, with a model's rewards for them.

    Attributes:
      users: `[n]` integers, user of each page.
      is_place: `[n, places]`, false after the end of a page.
      propensities: `[n, places]`, 1 after the end of a page.
      rewards: `[n, places]` each, by name.
      modelled: `[n, places]` each, by the name of a reward: the model's reward of the
        shown video; a missing reward has no doubly robust estimate.
    """

    users: npt.NDArray[np.integer]
    is_place: npt.NDArray[np.bool_]
    propensities: Floats
    rewards: Mapping[str, Floats]
    modelled: Mapping[str, Floats]

    @property
    def places_a_page(self) -> float:
        """Mean number of places of a page."""
        return float(self.is_place.sum()) / len(self.users)

    def brought(self, reward: str) -> Estimate:
        """Returns the mean reward of a place of the log."""
        itself = Choices(self.propensities, {})
        return off_policy.mean_reward(self.decisions(reward, itself))

    def decisions(
        self, reward: str, chosen: Choices, own: Mapping[str, Floats] | None = None
    ) -> off_policy.Decisions:
        """Returns the places as decisions.

        Args:
          reward: Name of a reward.
          chosen: Choices of the policy to judge.
          own: Modelled rewards of the pages that the policy makes itself, to judge
            these; None: each place is judged by itself.
        """
        there, before = self.is_place, None
        if own is not None:
            before = off_policy.weights_before(chosen.target / self.propensities)[there]
        averaged = chosen.modelled if own is None else own
        has_model = reward in self.modelled and reward in averaged
        users = np.repeat(self.users[:, np.newaxis], there.shape[1], axis=1)
        return off_policy.Decisions(
            users=users[there].astype(np.int64),
            rewards=self.rewards[reward][there],
            propensities=self.propensities[there],
            target=chosen.target[there],
            modelled=self.modelled[reward][there] if has_model else None,
            modelled_target=averaged[reward][there] if has_model else None,
            before=before,
        )


def log_of(
    pages: logged_pages.LoggedPages, modelled: Mapping[str, npt.NDArray[np.floating]]
) -> DecisionLog:
    """Returns logged pages as a log.

    Args:
      pages: The pages.
      modelled: `[places]` each, by the name of a reward, in the order of the pages.
    """
    there = pages.is_place
    rewards = {CLICKS: pages.values("clicked").astype(np.float64)}
    if pages.data.log.has_watch_seconds:
        rewards[WATCH_SECONDS] = pages.values("seconds").astype(np.float64)
    laid_out = {}
    for name, values in modelled.items():
        laid_out[name] = np.zeros(there.shape)
        laid_out[name][there] = values
    chances = pages.values("propensities", 1.0).astype(np.float64)
    return DecisionLog(pages.requests[0], there, chances, rewards, laid_out)


def measure(
    pages: logged_pages.LoggedPages,
    systems: Mapping[str, page_choices.SystemOrder],
    modelled: Mapping[str, npt.NDArray[np.floating]],
) -> report_types.OffPolicy:
    """Estimates the rewards of systems' pages.

    Args:
      pages: Logged pages.
      systems: Order of each system for them.
      modelled: Modelled rewards, as for `log_of`.
    """
    log = log_of(pages, modelled)
    shown = pages.values("videos")
    logged = {name: log.brought(name) for name in log.rewards}
    return report_types.OffPolicy(
        pages=len(pages),
        pages_known=pages.num_known,
        pages_left_out=pages.num_left_out,
        users=len(np.unique(log.users)),
        places=int(log.is_place.sum()),
        most_weight=None,
        logged_per_place={name: _triple(one) for name, one in logged.items()},
        logged_per_page={
            name: _triple(one, log.places_a_page) for name, one in logged.items()
        },
        systems={name: _value(log, each, shown) for name, each in systems.items()},
    )


def estimates(
    log: DecisionLog, chosen: Choices, own: Mapping[str, Floats] | None = None
) -> dict[str, dict[str, Estimate]]:
    """Returns the mean reward of a place, by reward and estimator.

    Args:
      log: The log.
      chosen: By the policy to judge.
      own: See `DecisionLog.decisions`.
    """
    by_reward: dict[str, dict[str, Estimate]] = {}
    for reward in log.rewards:
        decisions = log.decisions(reward, chosen, own)
        names = [n for n in ESTIMATORS if n != "dr" or decisions.modelled is not None]
        by_reward[reward] = {n: ESTIMATORS[n](decisions) for n in names}
    return by_reward


def _value(
    log: DecisionLog, ordered: page_choices.SystemOrder, shown: npt.NDArray[np.integer]
) -> report_types.PageValue:
    chosen = page_choices.choices_on_pages(ordered, shown)
    own = page_choices.modelled_pages(ordered, shown.shape[1])
    alone, whole = (estimates(log, chosen, given) for given in (None, own))
    places, pages = (log.decisions(CLICKS, chosen, given) for given in (None, own))
    is_last = np.diff(log.is_place, axis=1, append=False)[log.is_place]
    return report_types.PageValue(
        per_place=_triples(alone),
        per_page=_triples(whole, log.places_a_page),
        mean_weight=_triple(off_policy.mean_weight(places)),
        share_never_shown=float((places.target == 0.0).mean()),
        effective_places=off_policy.effective_size(places.weights()),
        effective_pages=off_policy.effective_size(pages.weights()[is_last]),
    )


def _triples(
    by_reward: Mapping[str, Mapping[str, Estimate]], factor: float = 1.0
) -> dict[str, dict[str, report_parts.WithInterval]]:
    return {
        reward: {name: _triple(estimate, factor) for name, estimate in by_name.items()}
        for reward, by_name in by_reward.items()
    }


def _triple(estimate: Estimate, factor: float = 1.0) -> report_parts.WithInterval:
    return factor * estimate.value, factor * estimate.low, factor * estimate.high
