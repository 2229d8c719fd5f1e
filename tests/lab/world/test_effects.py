"""Every correlation that the world claims, by its effect in the log."""

import numpy as np
import polars as pl
import pytest

from ytdnn.lab.world import corpus, words


def rate(frame: pl.DataFrame) -> float:
    return frame["clicked"].mean()


@pytest.mark.thorough
def test_demographics_alone_predict_topics_above_chance(log):
    """Topic shares of people of one's age and gender fit better than those of all.

    Shares are learnt from every other user; the fit is the mean log probability of
    what the others watched.
    """
    topic = pl.col("topic").str.split(" ").list.first()
    watches = log["watches"].join(log["users"], on="user_id")
    videos = log["videos"].select("video_id", topic).drop_nulls("topic")
    watches = watches.join(videos, on="video_id").with_columns(
        (pl.col("age") // 12).clip(0, 4).alias("band")
    )
    even = pl.col("user_id").str.slice(1).cast(pl.Int64) % 2 == 0
    learnt, asked = watches.filter(even), watches.filter(~even)

    def fit(group: list[str]) -> float:
        counts = learnt.group_by([*group, "topic"]).len()
        total = pl.col("len").sum()
        share = pl.col("len") / (total.over(group) if group else total)
        shares = counts.with_columns(share.log().alias("fit"))
        found = asked.join(shares, on=[*group, "topic"], how="left")
        return found["fit"].fill_null(np.log(0.001)).mean()

    assert fit(["band", "gender"]) > fit([]) + 0.03


def test_an_episode_follows_the_one_before_and_not_the_other_way(log, world):
    watches = log["watches"].sort("user_id", "time", maintain_order=True)
    videos = watches["video_id"].str.slice(1).cast(pl.Int64).to_numpy()
    users = watches["user_id"].to_numpy()
    same = users[1:] == users[:-1]
    following = world.shared.videos.next_episodes
    forward = (following[videos[:-1]] == videos[1:])[same].mean()
    backward = (following[videos[1:]] == videos[:-1])[same].mean()
    assert forward > 0.08
    assert forward > 10 * backward


def test_clicks_fall_with_earlier_impressions_that_were_not_clicked(log):
    missed = (~pl.col("clicked")).cast(pl.Int64)
    again = log["impressions"].with_columns(
        missed=(missed.cum_sum() - missed).over("user_id", "video_id")
    )
    first, second, fourth = (rate(again.filter(missed=n)) for n in (0, 1, 3))
    assert first > 1.1 * second > 1.1 * fourth


def test_clicks_fall_with_position(log):
    rates = log["impressions"].group_by("position").agg(pl.col("clicked").mean())
    values = rates.sort("position")["clicked"].to_list()
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[-1]


def test_appeal_raises_clicks_and_not_watch_time(log, world):
    """Clickbait: appeal beyond what quality explains, its two outer thirds."""
    videos = world.shared.videos
    bait = videos.appeal - 0.45 * videos.quality
    frame = pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(len(videos))],
            "bait": bait,
            "quality": videos.quality,
        }
    )
    shown = log["impressions"].join(frame, on="video_id")
    low, high = np.quantile(bait, [1 / 3, 2 / 3])
    loud, quiet = (
        shown.filter(pl.col("bait") > high),
        shown.filter(pl.col("bait") < low),
    )
    assert rate(loud) > 1.3 * rate(quiet)
    length = log["videos"].select("video_id", "duration_seconds")

    def fraction(part: pl.DataFrame) -> float:
        watched = part.filter("clicked").join(length, on="video_id")
        return (watched["watch_seconds"] / watched["duration_seconds"]).mean()

    assert fraction(loud) < fraction(quiet)
    good, bad = (
        shown.filter(pl.col("quality") > 0.7),
        shown.filter(pl.col("quality") < -0.7),
    )
    assert fraction(good) > 1.3 * fraction(bad)


def test_popularity_rises_after_upload_and_decays(log):
    """Views of videos uploaded within the span, by quarters of a day since upload."""
    quarter = corpus.SECONDS_PER_DAY // 4
    since = (pl.col("time") - pl.col("upload_time")) // quarter
    span = pl.col("upload_time").is_between(
        corpus.START, corpus.START + 10 * corpus.SECONDS_PER_DAY
    )
    joined = log["watches"].join(log["videos"], on="video_id").filter(span)
    views = joined.group_by(since.alias("quarter")).len().sort("quarter")["len"]
    first, peak = views[0], views[:20].max()
    assert peak > 1.3 * first
    assert peak > 2 * views[60:80].mean()


def test_interests_drift(log):
    """A user's topics of one week are nearer to those of the next than the last."""
    topic = log["videos"].select("video_id", "topic")
    watches = log["watches"].join(topic, on="video_id").drop_nulls("topic")
    week = ((pl.col("time") - corpus.START) // (7 * corpus.SECONDS_PER_DAY)).alias(
        "week"
    )
    counts = watches.group_by("user_id", week, "topic").len()

    def overlap(gap: int) -> float:
        later = counts.with_columns(pl.col("week") - gap)
        pairs = counts.join(later, on=["user_id", "week", "topic"])
        both = (pairs["len"] * pairs["len_right"]).sum()
        weeks = counts.group_by("user_id", "week").agg(pl.col("len").sum())
        total = weeks.join(
            weeks.with_columns(pl.col("week") - gap), on=["user_id", "week"]
        )
        return both / (total["len"] * total["len_right"]).sum()

    assert overlap(1) > 1.05 * overlap(3)


def test_searches_tell_what_is_watched_next(log, world):
    """The next watch is of a topic that the query names, far more than any watch is."""
    topic = pl.col("topic").str.split(" ").list.first()
    names = log["videos"].select("video_id", topic).drop_nulls()
    events = log["searches"].select("user_id", "time", "query").sort("time")
    watches = log["watches"].join(names, on="video_id").sort("time")
    after = events.join_asof(
        watches,
        on="time",
        by="user_id",
        strategy="forward",
        tolerance=120,
        check_sortedness=False,
    ).drop_nulls("topic")
    named = after.filter(pl.col("query").str.contains_any([words.topic_name(0)]))
    hit = (named["topic"] == words.topic_name(0)).mean()
    base = (watches["topic"] == words.topic_name(0)).mean()
    assert named.height > 30
    assert hit > 2.5 * base


def test_japanese_queries_are_written_without_spaces(log):
    japanese = log["searches"].filter(pl.col("query").str.contains("[ァ-ヶ]"))
    assert japanese.height > 20
    assert (japanese["query"].str.count_matches(" ") <= 1).all()  # before a channel


def test_metadata_is_noisy(log, world):
    videos, table = world.shared.videos, log["videos"]
    true = np.array(words.LANGUAGES)[videos.languages]
    said = table["language"].to_numpy()
    missing = table["language"].is_null().to_numpy()
    assert missing.mean() == pytest.approx(0.05, abs=0.015)
    assert (said[~missing] != true[~missing]).mean() == pytest.approx(0.04, abs=0.015)
    assert table["title"].null_count() == pytest.approx(0.05 * table.height, rel=0.3)
    assert table["topic"].null_count() == pytest.approx(0.05 * table.height, rel=0.3)


def test_clicks_are_personal(log):
    """A user's click rate by topic, learnt earlier, beats the video's click rate."""
    topics = log["videos"].select("video_id", "topic")
    shown = log["impressions"].join(topics, on="video_id", maintain_order="left")
    cut = int(shown.height * 0.7)
    past, scored = shown[:cut], shown[cut:]
    smoothed = (pl.col("clicked").sum() + 1) / (pl.len() + 8)
    for name, key in (("personal", ["user_id", "topic"]), ("popular", ["video_id"])):
        rates = past.group_by(key).agg(smoothed.alias(name))
        scored = scored.join(rates, on=key, how="left", nulls_equal=True)
    scored = scored.fill_null(1 / 8)

    def auc(name: str) -> float:
        ranks = scored[name].rank("average").to_numpy()
        labels = scored["clicked"].to_numpy()
        positives = labels.sum()
        area = ranks[labels].sum() - positives * (positives + 1) / 2
        return area / (positives * (len(labels) - positives))

    assert auc("personal") > 0.58
    assert auc("personal") > auc("popular")
