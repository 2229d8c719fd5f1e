"""Settings of how a page is composed: candidate sources, blend, cap."""

import json
import math
from typing import Any, Literal, Self

import pydantic

from ytdnn.configs import components

Precision = Literal["trained", "float32", "bfloat16"]


@components.validated
class CompositionConfig:
    """The composition of a page: the ranker's candidates, and changes to its order.

    Attributes:
      num_candidates: Number of candidates that the ranker scores. The candidate model
        fills the places that no other source has or fills.
      share_co_watched: Share of the places for videos often watched near the last ones
        watched.
      share_fresh_uploads: Share for the latest uploads of channels watched lately,
        where the log has channels and times of upload.
      share_popular: Share for the videos most watched at the end of training.
      blend_weight: Weight of the candidate model's score, which is added to the
        logarithm of the ranker's; 0: the ranker's order.
      max_per_channel: Maximum number of a channel's videos on a page; 0: any.
      temperature: Temperature of sampling among the best, in units of the logarithm of
        the ranker's score; propensities are answered and logged. 0: the best first.
      explore_top: Number of the best videos that are sampled from.
      young_every: Distance of the places reserved for young uploads: at least one is
        among this number of places. 0: none is reserved.
      young_days: Age up to which an upload is young.
      ranker_precision: Precision of the products of the ranker's tower in serving and
        evaluation: as it was `trained` (`ranking.precision`), `float32`, or `bfloat16`,
        which is faster where the processor supports its products. The weights are the
        same.
      policies: Sets of conditions on columns of videos that requests name, JSON:
        `{"kids": [{"column": "rating", "in": ["all"]}]}`; empty: none.
      weights: Weights of what the ranker predicts in the order of requests that bring
        none of their own, JSON: `{"watch_seconds": 1, "liked": 30, "disliked": -200}`
        (docs/feedback.md); empty: the ranker's order. A policy may have some, too:
        `{"kids": {"where": […], "weights": {…}}}`.
      co_watched_by: What makes videos co-watched: the `order` of watches, within three
        of one of the last ten; or the `users`, whoever watched both at any time, with
        the votes of the last fifty watches added up.
    """

    num_candidates: components.Positive = 300
    share_co_watched: components.Fraction = 0.13
    share_fresh_uploads: components.Fraction = 0.2
    share_popular: components.Fraction = 0.0
    blend_weight: components.NonNegativeFloat = 0.0
    max_per_channel: components.NonNegative = 0
    temperature: components.NonNegativeFloat = 0.0
    explore_top: components.Positive = 50
    young_every: components.NonNegative = 0
    young_days: components.PositiveFloat = 7.0
    ranker_precision: Precision = "trained"
    co_watched_by: Literal["order", "users"] = "order"
    policies: str = ""
    weights: str = ""

    @pydantic.field_validator("policies", mode="after")
    @classmethod
    def _are_named_lists(cls, value: str) -> str:
        try:
            found = json.loads(value) if value else {}
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(
            name and _is_policy(one) for name, one in found.items()
        ):
            raise ValueError(
                f'expected policies as JSON, {{"kids": [{{"column": "rating", "in": '
                f'["all"]}}]}}, received {value!r}'
            )
        return value

    @pydantic.field_validator("weights", mode="after")
    @classmethod
    def _are_numbers(cls, value: str) -> str:
        try:
            found = json.loads(value) if value else {}
        except ValueError:
            found = None
        if not _are_weights(found):
            raise ValueError(
                f'expected weights as JSON, {{"watch_seconds": 1, "liked": 30}}, '
                f"received {value!r}"
            )
        return value

    @property
    def default_weights(self) -> dict[str, float]:
        """Weights of requests that bring none, by name."""
        return dict(json.loads(self.weights)) if self.weights else {}

    @property
    def weights_of_policies(self) -> dict[str, dict[str, float]]:
        """Weights of the policies that have some, by name."""
        found = json.loads(self.policies) if self.policies else {}
        return {
            name: one["weights"]
            for name, one in found.items()
            if isinstance(one, dict) and one.get("weights")
        }

    @pydantic.model_validator(mode="after")
    def _explores_in_one_way(self) -> Self:
        if self.temperature and self.young_every:
            raise ValueError(
                f"expected temperature or young_every, not both, as their joint "
                f"propensities are unknown, received {self.temperature} and "
                f"{self.young_every}"
            )
        if self.young_every == 1:
            raise ValueError("expected young_every of 2 or more, or 0, received 1")
        return self

    @pydantic.model_validator(mode="after")
    def _leaves_places(self) -> Self:
        if self.num_from_tower <= 0:
            raise ValueError(
                f"expected shares of other sources that leave the candidate model a "
                f"place of {self.num_candidates}, received share_co_watched="
                f"{self.share_co_watched}, share_fresh_uploads="
                f"{self.share_fresh_uploads}, share_popular={self.share_popular}"
            )
        return self

    @property
    def places(self) -> dict[str, float | str]:
        """The settings that decide which candidates there are, by name."""
        return {
            "num_candidates": self.num_candidates,
            "share_co_watched": self.share_co_watched,
            "co_watched_by": self.co_watched_by,
            "share_fresh_uploads": self.share_fresh_uploads,
            "share_popular": self.share_popular,
        }

    @property
    def explores(self) -> bool:
        """Whether pages are in another order than that of their scores."""
        return bool(self.temperature or self.young_every)

    @property
    def num_co_watched(self) -> int:
        """Number of places for videos often watched near the last watches."""
        return round(self.share_co_watched * self.num_candidates)

    @property
    def num_fresh_uploads(self) -> int:
        """Places of the latest uploads of channels watched lately."""
        return round(self.share_fresh_uploads * self.num_candidates)

    @property
    def num_popular(self) -> int:
        """Number of places for the most watched videos."""
        return round(self.share_popular * self.num_candidates)

    @property
    def num_from_tower(self) -> int:
        """Number of candidates of the candidate model, at least."""
        others = self.num_co_watched + self.num_fresh_uploads + self.num_popular
        return self.num_candidates - others


def _is_policy(value: Any) -> bool:
    """Whether a value is a list of conditions, or conditions with weights."""
    if not isinstance(value, dict):
        return isinstance(value, list)
    if not value or set(value) - {"where", "weights"}:
        return False
    has_list = isinstance(value.get("where", []), list)
    return has_list and _are_weights(value.get("weights", {}))


def _are_weights(value: Any) -> bool:
    """Whether a value is an object of finite numbers."""
    return isinstance(value, dict) and all(
        isinstance(one, int | float)
        and not isinstance(one, bool)
        and math.isfinite(one)
        for one in value.values()
    )
