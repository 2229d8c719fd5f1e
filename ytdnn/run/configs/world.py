"""Settings of the synthetic world, and its presets."""

from ytdnn.run.configs import components


@components.validated
class WorldConfig:
    """The synthetic world (`data.source="world"`).

    Attributes:
      num_users: Users of the world, those who join in `live_days` among them.
      num_videos: Videos of the corpus, those uploaded in `live_days` among them.
      num_topics: Branches of the tree of topics, of six leaves each.
      num_days: Time span of the log.
      live_days: Days after the log, for a live test (`ytdnn live`). Uploads, new users
        and visits go on at the rate of the log, which is the world's first part.
      watches_per_user: Mean number of watches of a user over the span.
      impressions_per_page: Largest number of videos shown on one home page.
      metadata_noise: Share of topics, of languages and of titles in the table of
        videos that are wrong or missing.
      accidental_clicks: Share of impressions clicked by accident, whatever the user
        likes, and left after a few seconds.
      vector_dim: Width of the vectors of videos in the column `vector`, as an encoder
        of frames and sound would make them: what is shown, by whom and how, with noise.
        0 = there is no such column.
      vector_noise: Standard deviation of that noise in each coordinate; that of what
        the vectors show is 1.
      outcomes: Whether clicks are `liked` and `disliked`, as the truth says
        (docs/feedback.md). All else of the log is the same without.
      seed: Seed of the world; that of training is another.
    """

    num_users: components.Positive = 2_000
    num_videos: components.Positive = 2_000
    num_topics: components.Positive = 20
    num_days: components.Positive = 60
    live_days: components.NonNegative = 0
    watches_per_user: components.Positive = 60
    impressions_per_page: components.Positive = 8
    metadata_noise: components.Fraction = 0.1
    accidental_clicks: components.Fraction = 0.0
    vector_dim: components.NonNegative = 0
    vector_noise: components.NonNegativeFloat = 0.5
    seed: components.NonNegative = 0
    outcomes: bool = False

    @property
    def span_days(self) -> int:
        """Days of the whole world: the log's, and those after it."""
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
