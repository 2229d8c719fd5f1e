"""Settings of the labels of candidate generation (PAPER §3.4), each with its own."""

from typing import Literal

import pydantic

from ytdnn.configs import components

_SLICE_LENGTH = 16


@components.validated
class NextWatch:
    """The next watch, predicted from what lies before it (the paper's choice).

    Attributes:
      examples_per_user: Labels each user has in an epoch, drawn anew in each one, at
        most as many as there are; 0 = all.
      slice_length: Consecutive positions of the log that share one history gather;
        only where all watches are labels.
    """

    examples_per_user: components.NonNegative = 0
    slice_length: components.Positive = _SLICE_LENGTH
    kind: Literal["next_watch"] = "next_watch"

    @pydantic.model_validator(mode="after")
    def _slices_are_of_all_watches(self) -> "NextWatch":
        if self.examples_per_user and self.slice_length != _SLICE_LENGTH:
            raise ValueError(
                f"expected no slice_length beside examples_per_user, received "
                f"{self.slice_length}: labels that are drawn share no history; leave "
                f"slice_length out, or set examples_per_user to 0"
            )
        return self


@components.validated
class HeldOutWatch:
    """A watch predicted from what lies around it (figure 5a, for comparison).

    Attributes:
      examples_per_user: Labels each user has in an epoch, drawn anew in each one, at
        most as many as there are; 0 = all.
    """

    examples_per_user: components.NonNegative = 0
    kind: Literal["held_out_watch"] = "held_out_watch"
