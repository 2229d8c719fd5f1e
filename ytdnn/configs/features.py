"""Settings of the features that a network reads (PAPER §3.3, §4.1)."""

from ytdnn.configs import components


@components.validated
class FeaturesConfig:
    """Which features a network reads; each exists only where the log has its columns.

    Names are those of `docs/features.md`. A column of the user's own is a feature by
    its full name: "users.segment", "videos.genre" (numbers are continuous, all
    else is categorical).

    Attributes:
      add: Features read in addition to the default ones.
      remove: Default features that are not read.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
