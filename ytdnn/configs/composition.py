"""Settings of how a page is composed: candidate sources, blend, cap."""

import json
from typing import Annotated, Literal, Self

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
      diversity: Weight of the similarity to the most similar video before it on the
        page, which is taken from the logarithm of a video's score (maximal marginal
        relevance). 0: the order of the scores.
      diversity_by: Column of videos that they are compared by: one of vectors, such as
        `videos.clip`, by their cosine; any other, such as `topic`, by one value.
      diversity_top: Number of the best videos that are put in another order.
      channel_decay: Factor of the score of each further video of a channel on a page,
        from above 0 to 1: no decay.
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
    diversity: components.NonNegativeFloat = 0.0
    diversity_by: str = ""
    diversity_top: components.Positive = 50
    channel_decay: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] = 1.0
    co_watched_by: Literal["order", "users"] = "order"
    policies: str = ""

    @pydantic.field_validator("policies", mode="after")
    @classmethod
    def _are_named_lists(cls, value: str) -> str:
        try:
            found = json.loads(value) if value else {}
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(
            name and isinstance(one, list) for name, one in found.items()
        ):
            raise ValueError(
                f'expected policies as JSON, {{"kids": [{{"column": "rating", "in": '
                f'["all"]}}]}}, received {value!r}'
            )
        return value

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
    def _diversifies_one_order(self) -> Self:
        if self.diversity and not self.diversity_by:
            raise ValueError(
                f"expected diversity_by, a column of videos such as topic, with "
                f"diversity, received none and {self.diversity}"
            )
        if self.diversifies and self.temperature:
            raise ValueError(
                f"expected no temperature with diversity or channel_decay, as "
                f"propensities of their order are unknown, received {self.temperature}"
            )
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
    def diversifies(self) -> bool:
        """Whether similar videos, or those of one channel, are moved down."""
        return bool(self.diversity) or self.channel_decay < 1.0

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
