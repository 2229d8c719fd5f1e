"""Settings of the event log, of `prepare`, and of the synthetic world."""

import re
from typing import Annotated, ClassVar, Final, Literal

import pydantic

from ytdnn.base import registries, table_schemas
from ytdnn.base.configs import setting_types

IN_MEMORY: Final = "tables"  # the source of a set that is prepared from frames
# Settings that only some sources have; others refuse them.
OF_SOURCES: Final = ("exposure", "click", "histories", "files")
_NAME = re.compile(r"[A-Za-z]\w*")


@setting_types.validated
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

    num_users: setting_types.Positive = 2_000
    num_videos: setting_types.Positive = 2_000
    num_topics: setting_types.Positive = 20
    num_days: setting_types.Positive = 60
    live_days: setting_types.NonNegative = 0
    watches_per_user: setting_types.Positive = 60
    impressions_per_page: ClassVar[int] = 8  # at most, on the home page
    metadata_noise: setting_types.Fraction = 0.1
    accidental_clicks: setting_types.Fraction = 0.0
    vector_dim: setting_types.NonNegative = 0
    seed: setting_types.NonNegative = 0
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


@setting_types.validated
class DataConfig:
    """The source of the event log, and its splits.

    Attributes:
      source: `world` (embedded), `movielens`, `kuairand`, `log` (the user's own
        files), or `tables` (frames in memory, passed to `ytdnn.prepare` in Python).
      dir: Directory or archive of the source; empty for `world`. For `log` also an
        address on an object store, such as "s3://bucket/logs".
      name: Edition to download when `dir` is empty: for MovieLens such as "ml-1m", for
        KuaiRand "1k" or "pure".
      exposure: kuairand: impressions to read: of the `standard` policies, of videos
        shown at `random`, or `all`. Histories have the watches of the standard logs,
        and with `random` and `all` those of the random log.
      click: kuairand: upstream's column that defines a click: `is_click`, or
        `long_view`.
      histories: kuairand: a Parquet file in the folder of the log, with each user's
        earlier watches (`user_id`, `long_watch_seq`), ordered but without times.
      files: log: own files or folders of tables, such as "watches=clicks.parquet".
      columns: Own column names, such as "watches.video_id=item_id". Numbers in another
        unit are divided or multiplied: "watches.watch_seconds=played_ms/1000".
      where: Polars SQL filter over the rows of `watches`, such as "rating >= 4"; for
        MovieLens and KuaiRand also over those of impressions, which are the same.
      clicks_are_watches: Whether clicked impressions are added to `watches`, for a log
        with `watches` that do not include the clicks.
      page_gap_seconds: Impressions without `page_id` belong to one slate if the time
        between one of a user and the next is at most this; 0 = those of the same
        second. A feed has no other slates, and metrics of pairs in a slate need them. A
        slate answers one request, so the history of its impressions ends where it
        begins.
      bad_rows: `stop` at the first bad row, or `drop` and report counts.
      min_item_count: Drop videos with fewer watches, repeated with
        `min_user_count` until both hold (5 and 5: the usual 5-core).
      min_user_count: Drop users with fewer watches.
      order_by: A user's order of watches: `time` (then `order`, then file row)
        or `order` (then file row), where times are only estimates; a log
        without `order` is sorted by time.
      vocabulary: Videos with an id embedding: those watched in the candidate model's
        `train` window, or `all` that are watched in the log. Others are retrieved by
        their content (`candidates.content`).
      min_watch_fraction: A watch counts as completed, and so as a label or a right
        answer, if it reaches this share of `videos.duration_seconds`; 0 = no such
        rule. Other watches are used in histories only.
      min_watch_seconds: The same, by watch seconds. With both rules either is enough;
        with neither every watch is completed.
      events_per_shard: Maximum number of events in a shard of users, over all tables:
        the unit of `prepare`, and the least that training reads at a time.
      protocol: `temporal` (windows of time), `leave_one_out` (each user's last
        watch is the test, the one before it validation), or `split` (by the column
        `split` of `watches`). `temporal` takes its windows from that column if there
        is one, and refuses it if it is not in order of time.
      test_fraction: temporal: share of watches, last in time, held out for test.
      ranking_fraction: temporal: share of watches, before the test window, for the
        window that trains the ranker; less, down to a quarter of it, where the last
        200,000 impressions lie in less; none in a log without impressions.
      validation_fraction: temporal: last share of each training window,
        held out for early stopping and the choice of the checkpoint.
      validation_from: temporal: where the candidates' validation window begins, in
        place of its share: a date as "2022-04-29" (UTC), or with a time as
        "2022-04-29T00:00:00+08:00"; empty: by the share.
      ranking_from: temporal: where the ranker's training window begins, likewise.
      test_from: temporal: where the test window begins, likewise.
      counters_from: Where counts of events by time begin, likewise: events before, such
        as histories whose times were made up, are in histories alone.
      counters_delay_seconds: Age from which events are in counters, where the service
        learns of them late: training counts what a request could know.
      outcomes: Columns of `impressions` outside the schema that are outcomes, binary or
        amounts, such as ("added_to_cart", "price"). The ranker predicts them, and they
        may have weights in the order (docs/feedback.md). Outcomes of the schema are
        always read.
    """

    source: Annotated[str, setting_types.NameOf(registries.LOGS, (IN_MEMORY,))] = (
        "world"
    )
    dir: str = ""
    name: str = ""
    exposure: Literal["standard", "random", "all"] = "standard"
    click: Literal["is_click", "long_view"] = "is_click"
    histories: str = ""
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    where: str = ""
    clicks_are_watches: bool = False
    page_gap_seconds: setting_types.NonNegativeFloat = 0.0
    bad_rows: Literal["stop", "drop"] = "stop"
    min_item_count: setting_types.Positive = 1
    min_user_count: setting_types.Positive = 1
    order_by: Literal["time", "order"] = "time"
    vocabulary: Literal["train", "all"] = "train"
    min_watch_fraction: setting_types.Share = 0.0
    min_watch_seconds: setting_types.NonNegativeFloat = 0.0
    max_search_tokens: ClassVar[int] = 1_000_000  # the most frequent
    min_search_token_count: ClassVar[int] = 2  # of a token with a vector
    events_per_shard: setting_types.Positive = 5_000_000
    protocol: Literal["temporal", "leave_one_out", "split"] = "temporal"
    test_fraction: setting_types.Rate = 0.1
    ranking_fraction: setting_types.Fraction = 0.2
    validation_fraction: setting_types.Rate = 0.1
    world: WorldConfig = WorldConfig()
    validation_from: str = ""
    ranking_from: str = ""
    test_from: str = ""
    counters_from: str = ""
    counters_delay_seconds: setting_types.NonNegativeFloat = 0.0
    outcomes: tuple[str, ...] = ()

    @pydantic.field_validator("outcomes", mode="after")
    @classmethod
    def _are_columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        reserved = table_schemas.RESERVED
        for name in value:
            if not _NAME.fullmatch(name) or name in reserved or value.count(name) > 1:
                raise ValueError(
                    f"expected outcomes as names of letters, digits and underscores, "
                    f"each once, that are no column or output of another meaning, "
                    f"received {name!r}"
                )
        return value

    @property
    def has_times(self) -> bool:
        """Whether watches have times; with `watches.time=` their rows are in order."""
        return "watches.time=" not in map(str.strip, self.columns)
