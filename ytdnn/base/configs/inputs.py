"""Settings of the inputs of the networks: features, their normalisation, labels.

Features are those of PAPER §3.3 and §4.1, labels those of §3.4.
"""

from typing import Final, Literal

import pydantic

from ytdnn.base.configs import components

_SLICE_LENGTH = 16
# Share of scored videos without the embedding and bias of their id in a training step,
# and of watches without the embedding, so that the content side learns to predict new
# videos. From 0.05 to 0.4 their lists are level (experiments/new_videos.py).
ID_DROPOUT: Final = 0.2


@components.validated
class FeaturesConfig:
    """The features of a network; a feature exists only if the log has its columns.

    `docs/features.md` lists the names. Any other column is a feature by its full name:
    "users.segment", "videos.genre" (numbers are continuous, others categorical).

    Attributes:
      add: Features in addition to the default ones.
      remove: Default features to leave out.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@components.validated
class ContentConfig:
    """The content side of the video tables: vectors of new videos.

    A video's vector is that of its id plus that of its content; a video without an id
    embedding, such as a new upload, has only its content. The content side exists if
    the log has a column of `videos` with content features, but not with a loss
    whose rows of the video table are no videos. Index and bundle then have a vector for
    every video of the catalogue: disable it if `videos` has far more videos than are
    watched, and memory is short.

    Attributes:
      enabled: Whether there is a content side.
      features: Features of videos that it reads.
      popularity_by_age: Whether scores depend on the popularity of videos of the same
        age. It needs `videos.upload_time`: a log without it has a content side only if
        this is false.
    """

    enabled: bool = True
    features: FeaturesConfig = FeaturesConfig()
    popularity_by_age: bool = True


@components.validated
class NextWatchConfig:
    """The next watch, predicted from the history before it (the paper's choice).

    Attributes:
      examples_per_user: Training examples per user and epoch, drawn anew each epoch;
        a user with fewer watches has fewer. 0 = all.
      slice_length: Number of consecutive positions of the log that share one gather of
        the history; only if all watches are labels.
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


@components.validated
class QuantilesConfig:
    """The quantile CDF of the training data, in [0, 1).

    Attributes:
      powers: Whether the square and the root are inputs too.
      num_pieces: Number of pieces of the value that are inputs too, each rising from 0
        to 1 in its part of [0, 1) (beyond the paper); 0 = none.
    """

    powers: bool = True
    num_pieces: components.NonNegative = 8
    kind: Literal["quantiles"] = "quantiles"


@components.validated
class RawConfig:
    """The value without normalisation, which trains poorly according to the paper."""

    kind: Literal["raw"] = "raw"


Normalization = QuantilesConfig | RawConfig
