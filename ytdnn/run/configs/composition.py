"""Settings of how a page is composed: candidate sources, blend, cap."""

import json
import math
from typing import Annotated, Any, Literal, Self

import pydantic

from ytdnn import registries
from ytdnn.run.configs import components

TOWER = "tower"
CO_WATCH = "co_watch"
FRESH_UPLOADS = "fresh_uploads"
POPULAR = "popular"
SOURCE_NAMES = (TOWER, CO_WATCH, FRESH_UPLOADS, POPULAR)
"""Sources with a number of their own in every composition; others follow them."""

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
      sources: Sources other than the candidate model and the share of each, in place of
        the three shares above: `(("fresh_uploads", 0.2), ("neighbours", 0.1))`.
      blend_weight: Weight of the candidate model's score, which is added to the
        logarithm of the ranker's; 0: the ranker's order.
      max_per_channel: Maximum number of a channel's videos on a page; 0: any.
      temperature: Temperature of sampling among the best, in units of the logarithm of
        the ranker's score; propensities are answered and logged. 0: the best first.
      explore_top: Number of the best videos that are sampled from.
      young_every: Distance of the places reserved for young uploads: at least one is
        among this number of places. 0: none is reserved.
      young_days: Age up to which an upload is young.
      first_pass: Number of candidates that a light first pass, distilled from the
        ranker at export, leaves for it to score, for pages of up to a fifth of that; 0:
        all are scored. `auto`: 100 from 50,000 videos on, where these hold at least
        95 % of the ranker's first 20, as measured at export.
      ranker_precision: Precision of the products of the ranker's tower in serving and
        evaluation: as it was `trained` (`ranking.precision`), `float32`, or `bfloat16`,
        which is faster where the processor supports its products. The weights are the
        same.
      remove_watched: Whether no answer holds a video that its user has watched. Music
        and series are watched again: keep them there (`--repeats`).
      request_fields: Keys of requests that leave videos out, in addition to those of
        every bundle, such as `exclude_channel_ids` (docs/extending.md).
      operators: Operators of conditions in addition to those of every bundle
        (docs/extending.md).
      rerankers: Re-rankers of the page, which follow diversity in this order
        (docs/extending.md).
      policies: Sets of conditions on columns of videos that requests name, JSON:
        `{"kids": [{"column": "rating", "in": ["all"]}]}`; empty: none.
      diversity: Weight of the similarity to the most similar video before it on the
        page, which is taken from the logarithm of a video's score (maximal marginal
        relevance). 0: the order of the scores.
      diversity_by: Column of videos that they are compared by: one of vectors, such as
        `videos.clip`, by their cosine; any other, such as `topic`, by one value.
      diversity_top: Number of the best videos that are put in another order.
      channel_decay: Factor of the score of each further video of a channel on a page,
        from above 0 to 1: no decay.
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
    sources: tuple[tuple[str, components.Fraction], ...] = ()
    blend_weight: components.NonNegativeFloat = 0.0
    max_per_channel: components.NonNegative = 0
    temperature: components.NonNegativeFloat = 0.0
    explore_top: components.Positive = 50
    young_every: components.NonNegative = 0
    young_days: components.PositiveFloat = 7.0
    first_pass: Literal["auto"] | components.NonNegative = "auto"
    ranker_precision: Precision = "trained"
    diversity: components.NonNegativeFloat = 0.0
    diversity_by: str = ""
    diversity_top: components.Positive = 50
    channel_decay: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] = 1.0
    co_watched_by: Literal["order", "users"] = "order"
    remove_watched: bool = True
    request_fields: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    rerankers: tuple[str, ...] = ()
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

    @pydantic.field_validator("sources", mode="after")
    @classmethod
    def _are_registered(
        cls, value: tuple[tuple[str, float], ...]
    ) -> tuple[tuple[str, float], ...]:
        for name, _ in value:
            if name not in registries.SOURCES:
                raise ValueError(registries.SOURCES.unknown(name))
        if len(dict(value)) < len(value):
            raise ValueError(f"expected each source once, received {value}")
        return value

    @pydantic.field_validator("request_fields", "operators", "rerankers", mode="after")
    @classmethod
    def _parts_are_registered(
        cls, value: tuple[str, ...], info: pydantic.ValidationInfo
    ) -> tuple[str, ...]:
        parts = registries.every()[info.field_name or ""]
        for name in value:
            if name not in parts:
                raise ValueError(parts.unknown(name))
        return tuple(dict.fromkeys(value))

    @pydantic.model_validator(mode="after")
    def _diversifies_one_order(self) -> Self:
        if self.diversity and not self.diversity_by:
            raise ValueError(
                f"expected diversity_by, a column of videos such as topic, with "
                f"diversity, received none and {self.diversity}"
            )
        if self.reranks and self.temperature:
            raise ValueError(
                f"expected no temperature with diversity, channel_decay or rerankers, "
                f"as propensities of their order are unknown, received "
                f"{self.temperature}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _leaves_places(self) -> Self:
        if self.num_from_tower <= 0:
            if self.sources:
                raise ValueError(
                    f"expected sources that leave the candidate model a place of "
                    f"{self.num_candidates}, received {self.sources}"
                )
            raise ValueError(
                f"expected shares of other sources that leave the candidate model a "
                f"place of {self.num_candidates}, received share_co_watched="
                f"{self.share_co_watched}, share_fresh_uploads="
                f"{self.share_fresh_uploads}, share_popular={self.share_popular}"
            )
        return self

    @property
    def places(self) -> dict[str, Any]:
        """The settings that decide which candidates there are, by name."""
        found: dict[str, Any] = {
            "num_candidates": self.num_candidates,
            "share_co_watched": self.share_co_watched,
            "co_watched_by": self.co_watched_by,
            "share_fresh_uploads": self.share_fresh_uploads,
            "share_popular": self.share_popular,
        }
        if self.sources:
            found["sources"] = [list(source) for source in self.sources]
        return found

    @property
    def shares(self) -> dict[str, float]:
        """Share of the places of each source other than the tower, by its name."""
        if self.sources:
            return dict(self.sources)
        co_watched = CO_WATCH if self.co_watched_by == "order" else "neighbours"
        return {
            co_watched: self.share_co_watched,
            FRESH_UPLOADS: self.share_fresh_uploads,
            POPULAR: self.share_popular,
        }

    @property
    def num_places(self) -> dict[str, int]:
        """Number of places of each of these sources that has any, in their order."""
        of_all = {k: round(v * self.num_candidates) for k, v in self.shares.items()}
        return {name: number for name, number in of_all.items() if number}

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of all sources; a candidate's source is a place in them, from 1 on.

        Those of ytdnn have the same places in every composition.
        """
        return tuple(dict.fromkeys([*SOURCE_NAMES, *self.shares]))

    @property
    def diversifies(self) -> bool:
        """Whether similar videos, or those of one channel, are moved down."""
        return bool(self.diversity) or self.channel_decay < 1.0

    @property
    def reranks(self) -> bool:
        """Whether videos of a page are put in another order than their scores'."""
        return self.diversifies or bool(self.rerankers)

    @property
    def explores(self) -> bool:
        """Whether pages are in another order than that of their scores."""
        return bool(self.temperature or self.young_every)

    @property
    def num_from_tower(self) -> int:
        """Number of candidates of the candidate model, at least."""
        return self.num_candidates - sum(self.num_places.values())


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
