"""Settings of the labels of candidate generation (PAPER §3.4), each with its own."""

from typing import Literal

import pydantic

from ytdnn.configs import components

_SLICE_LENGTH = 16


@components.validated
class NextWatchConfig:
    """The next watch, predicted from the history before it (the paper's choice).

    Attributes:
      examples_per_user: Training examples per user and epoch, drawn anew each epoch;
        a user with fewer watches has fewer. 0 = all.
      slice_length: Number of consecutive positions of the log that share one gather of
        the history; only where all watches are labels.
    """

    examples_per_user: components.NonNegative = 0
    slice_length: components.Positive = _SLICE_LENGTH
    kind: Literal["next_watch"] = "next_watch"

    @pydantic.model_validator(mode="after")
    def _slices_are_of_all_watches(self) -> "NextWatchConfig":
        if self.examples_per_user and self.slice_length != _SLICE_LENGTH:
            raise ValueError(
                f"expected no slice_length with examples_per_user, received "
                f"{self.slice_length}: labels that are drawn share no history; leave "
                f"slice_length out, or set examples_per_user to 0"
            )
        return self


@components.validated
class HeldOutWatchConfig:
    """A held-out watch, predicted from the watches around it (figure 5a).

    Attributes:
      examples_per_user: Training examples per user and epoch, drawn anew each epoch;
        a user with fewer watches has fewer. 0 = all.
    """

    examples_per_user: components.NonNegative = 0
    kind: Literal["held_out_watch"] = "held_out_watch"
