"""Settings of the synthetic world, and its presets."""

from typing import ClassVar

from ytdnn.base.configs import components


@components.validated
class WorldConfig:
    """The synthetic world (`data.source="world"`).

    Attributes:
      num_users: Number of users, including those who join in `live_days`.
      num_videos: Number of videos, including those uploaded in `live_days`.
      num_topics: Branches of the tree of topics, of six leaves each.
      num_days: Time span of the log.
      live_days: Days after the log, for a live test (`ytdnn live`). Uploads, new users
        and visits go on at the rate of the log, which is the world's first part.
      watches_per_user: Mean number of watches of a user over the span.
      metadata_noise: Share of topics, of languages and of titles in the table of
        videos that are wrong or missing.
      accidental_clicks: Share of impressions clicked by accident, independent of the
        user's taste, and left after a few seconds.
      vector_dim: Width of the vectors of videos in the column `vector`, like those of
        an encoder of frames and sound: topic, channel and style, with noise. 0 = no
        such column.
      outcomes: Whether clicks have the outcomes `liked` and `disliked`, drawn from the
        truth (docs/feedback.md). The rest of the log does not depend on it.
      seed: Seed of the world; training has a seed of its own.
    """

    num_users: components.Positive = 2_000
    num_videos: components.Positive = 2_000
    num_topics: components.Positive = 20
    num_days: components.Positive = 60
    live_days: components.NonNegative = 0
    watches_per_user: components.Positive = 60
    impressions_per_page: ClassVar[int] = 8  # at most, on the home page
    metadata_noise: components.Fraction = 0.1
    accidental_clicks: components.Fraction = 0.0
    vector_dim: components.NonNegative = 0
    seed: components.NonNegative = 0
    outcomes: bool = False

    @property
    def span_days(self) -> int:
        """Days of the whole world: the days of the log, and the days after it."""
        return self.num_days + self.live_days


WORLDS: dict[str, WorldConfig] = {
    # Seconds: tests.
    "tiny": WorldConfig(
        num_users=200, num_videos=400, num_topics=4, num_days=30, watches_per_user=30
    ),
    # The default of `make run`.
    "quickstart": WorldConfig(num_users=4_000, num_videos=5_000, num_topics=10),
    # The experiments': a million watches, three million impressions.
    "small": WorldConfig(num_users=10_000, num_videos=20_000, watches_per_user=100),
    # A hundred million watches; written to disk in parts.
    "large": WorldConfig(
        num_users=1_000_000,
        num_videos=1_000_000,
        num_topics=200,
        watches_per_user=100,
    ),
}
