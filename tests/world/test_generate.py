"""The world's invariants, and that there is something personal to learn in it."""

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.world import corpus, generate

CONFIG = configs.World(
    num_users=400, num_videos=300, num_topics=8, num_days=30, watches_per_user=40
)


@pytest.fixture(scope="module")
def world():
    return {name: pl.DataFrame(t) for name, t in generate.generate(CONFIG).items()}


def test_same_seed_same_world_other_seed_another():
    config = configs.World(num_users=20, num_videos=30, num_topics=3)
    first, second = generate.generate(config), generate.generate(config)
    for name, table in first.items():
        for column, values in table.items():
            np.testing.assert_array_equal(values, second[name][column])
    other = generate.generate(
        configs.World(num_users=20, num_videos=30, num_topics=3, seed=1)
    )
    assert (
        first["watches"]["video_id"].tolist() != other["watches"]["video_id"].tolist()
    )


def test_size_follows_the_config(world):
    assert world["users"].height == CONFIG.num_users
    assert world["videos"].height == CONFIG.num_videos
    mean = world["watches"].height / CONFIG.num_users
    assert mean == pytest.approx(CONFIG.watches_per_user, rel=0.25)
    pages = world["impressions"].group_by("page_id").agg(pl.len(), "position")
    assert set(pages["len"]) == {CONFIG.impressions_per_page}
    assert all(sorted(page) == list(range(8)) for page in pages["position"])


def test_events_are_in_order_of_time_within_the_span(world):
    for table in ("watches", "impressions", "searches"):
        times = world[table]["time"]
        assert times.is_sorted()
        assert times.min() >= corpus.START
        assert times.max() < corpus.START + (CONFIG.num_days + 1) * 86_400


def test_a_user_does_one_thing_at_a_time(world):
    watches = world["watches"].sort("user_id", "time")
    free = pl.col("time") + pl.col("watch_seconds").ceil()
    late = (free.shift(1) > pl.col("time")).over("user_id")
    assert watches.filter(late).height == 0


def test_nothing_is_shown_or_watched_before_its_upload(world):
    for table in ("watches", "impressions"):
        joined = world[table].join(world["videos"], on="video_id")
        assert joined.height == world[table].height
        assert joined.filter(pl.col("time") < pl.col("upload_time")).height == 0


def test_watch_seconds_lie_within_the_video(world):
    joined = world["watches"].join(world["videos"], on="video_id")
    assert joined["watch_seconds"].min() > 0
    over = pl.col("watch_seconds") > pl.col("duration_seconds") + 0.1
    assert joined.filter(over).height == 0


def test_every_clicked_impression_is_a_watch_after_it(world):
    clicked = world["impressions"].filter("clicked")
    assert world["impressions"].filter(~pl.col("clicked"))["watch_seconds"].max() == 0
    key = ["user_id", "video_id", "watch_seconds"]
    watched = world["watches"].select(*key, watched="time")
    found = clicked.join(watched, on=key).filter(pl.col("watched") > pl.col("time"))
    assert found.n_unique(["page_id", "position"]) == clicked.height
    assert world["watches"].height > 1.1 * clicked.height  # and others beside


def test_popularity_has_a_head_and_a_tail(world):
    counts = world["watches"]["video_id"].value_counts(sort=True)["count"]
    tenth = CONFIG.num_videos // 10
    assert counts[:tenth].sum() > 0.2 * counts.sum()


def test_next_episodes_follow_each_other(world):
    """Order matters: the next of the channel follows far more often than by chance."""
    videos = world["videos"].sort("channel_id", "upload_time")
    following = videos.select(
        "video_id", expected=pl.col("video_id").shift(-1).over("channel_id")
    )
    watches = world["watches"].sort("user_id", "time", maintain_order=True)
    pairs = watches.select(
        "video_id", watched_next=pl.col("video_id").shift(-1).over("user_id")
    ).join(following, on="video_id")
    hits = (pairs["watched_next"] == pairs["expected"]).mean()
    shuffled = pairs["watched_next"].shuffle(seed=0)
    assert hits > 0.1
    assert hits > 5 * (shuffled == pairs["expected"]).mean()


def _auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of (clicked, not clicked) pairs in the right order, ties by half."""
    order = pl.Series(scores).rank("average").to_numpy()
    positives = labels.sum()
    area = order[labels].sum() - positives * (positives + 1) / 2
    return float(area / (positives * (len(labels) - positives)))


def test_clicks_are_personal(world):
    """A user's click rate by topic, learnt earlier, beats the video's click rate."""
    shown = world["impressions"].join(
        world["videos"].select("video_id", "topic"),
        on="video_id",
        maintain_order="left",
    )
    cut = int(shown.height * 0.7)
    past, future = shown[:cut], shown[cut:]
    rate = (pl.col("clicked").sum() + 1) / (pl.len() + 5)
    scored = future
    for name, key in (("personal", ["user_id", "topic"]), ("popular", ["video_id"])):
        rates = past.group_by(key).agg(rate.alias(name))
        scored = scored.join(rates, on=key, how="left", maintain_order="left")
    scored = scored.fill_null(0.2)
    clicked = scored["clicked"].to_numpy()
    personal = _auc(scored["personal"].to_numpy(), clicked)
    popular = _auc(scored["popular"].to_numpy(), clicked)
    assert personal > 0.6
    assert personal > popular + 0.03


def test_repeated_impressions_tire(world):
    again = world["impressions"].with_columns(
        repeat=pl.int_range(pl.len()).over("user_id", "video_id")
    )
    rates = again.group_by("repeat").agg(pl.col("clicked").mean()).sort("repeat")
    assert rates["clicked"][0] > rates["clicked"][2]


def test_users_of_an_age_share_interests(world):
    """Topic shares of two halves of an age band agree more than across bands."""
    watches = world["watches"].join(world["users"], on="user_id")
    watches = watches.join(world["videos"].select("video_id", "topic"), on="video_id")
    half = pl.col("user_id").hash(seed=1) % 2
    table = watches.select(
        (pl.col("age") // 12).alias("band"), half.alias("half"), "topic"
    )
    counts = table.group_by("band", "half", "topic").len()
    wide = counts.pivot("topic", index=["band", "half"], values="len").fill_null(0)
    wide = wide.filter(pl.sum_horizontal(pl.exclude("band", "half")) > 300)
    shares = wide.drop("band", "half").to_numpy().astype(float)
    shares /= shares.sum(axis=1, keepdims=True)
    distance = np.abs(shares[:, None] - shares[None]).sum(axis=2)
    same = wide["band"].to_numpy()[:, None] == wide["band"].to_numpy()[None]
    others = ~np.eye(len(shares), dtype=bool)
    assert distance[same & others].mean() < distance[~same].mean()


def test_smallest_world_has_all_tables_with_columns():
    config = configs.World(
        num_users=1, num_videos=1, num_topics=1, num_days=1, watches_per_user=1
    )
    tables = generate.generate(config)
    assert set(tables["searches"]) >= {"user_id", "time", "query"}
    assert len(tables["impressions"]["time"]) >= 1


def test_topics_beyond_the_named_ones_have_names_of_their_own():
    config = configs.World(num_users=5, num_videos=200, num_topics=50)
    topics = set(generate.generate(config)["videos"]["topic"])
    assert len(topics) > 10
