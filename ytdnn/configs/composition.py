"""Settings of how a page is composed: candidate sources, blend, cap."""

from typing import Self

import pydantic

from ytdnn.configs import components


@components.validated
class Composition:
    """How a page is composed: what the ranker is given, and what becomes of its order.

    Attributes:
      num_candidates: Number of candidates that the ranker is given. The candidate model
        fills the places that no other source has or fills.
      num_co_watched: Places for videos often watched near the last ones watched.
      num_fresh_uploads: Places for the latest uploads of channels watched lately, where
        the log has channels and times of upload.
      num_popular: Places for the videos most watched at the end of training.
      blend_weight: Weight of the candidate model's score, which is added to the log of
        the ranker's; 0: the ranker's order.
      max_per_channel: Greatest number of a channel's videos on a page; 0: any.
    """

    num_candidates: components.Positive = 100
    num_co_watched: components.NonNegative = 0
    num_fresh_uploads: components.NonNegative = 0
    num_popular: components.NonNegative = 0
    blend_weight: components.NonNegativeFloat = 0.0
    max_per_channel: components.NonNegative = 0

    @pydantic.model_validator(mode="after")
    def _leaves_places(self) -> Self:
        if self.num_from_tower <= 0:
            others = self.num_candidates - self.num_from_tower
            raise ValueError(
                f"expected places of other sources below num_candidates "
                f"({self.num_candidates}), received {others}: raise num_candidates"
            )
        return self

    @property
    def places(self) -> dict[str, int]:
        """The settings that decide which candidates there are, by name."""
        return {
            "num_candidates": self.num_candidates,
            "num_co_watched": self.num_co_watched,
            "num_fresh_uploads": self.num_fresh_uploads,
            "num_popular": self.num_popular,
        }

    @property
    def num_from_tower(self) -> int:
        """Number of candidates of the candidate model, at least."""
        others = self.num_co_watched + self.num_fresh_uploads + self.num_popular
        return self.num_candidates - others
