"""A log lived through the state, and the same log prepared: equal counts, histories."""

import math
import pathlib
import random
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.bundle import user_requests
from ytdnn.features import (
    base_feature,
    counter_features,
    counter_sums,
    counters,
    feature_choice,
)
from ytdnn.log import prepared
from ytdnn.ops.state import (
    continued_counts,
    histories,
    opening,
    posted_events,
    sqlite_store,
)
from ytdnn.retrieval import (
    impression_rates,
    live_counts,
    live_term_source,
    live_terms,
    slate,
)

CUT = full_log._START + 25 * 86_400
KEPT = ("user_id", "video_id", "time", "watch_seconds")


class Lived(NamedTuple):
    """The first part of a log, the state of its second part, and the whole log."""

    first: prepared.PreparedData
    state: sqlite_store.Database
    whole: prepared.PreparedData

    @property
    def moment(self) -> int:
        return self.whole.windows.end_of_log + 1

    @property
    def later(self) -> continued_counts.LaterEvents:
        found = continued_counts.LaterEvents(self.first, self.state, opening.LogEnd())
        found.follow()
        return found


def posted(log: dict[str, pl.DataFrame], rng: random.Random) -> list[dict[str, Any]]:
    """Returns the rows of a log as events, some twice, in any order."""
    given = []
    for number, row in enumerate(log["watches"].iter_rows(named=True)):
        given.append({"kind": "watch", "id": f"w{number}", **row})
    for number, row in enumerate(log["searches"].iter_rows(named=True)):
        given.append({"kind": "search", "id": f"s{number}", **row})
    for number, row in enumerate(log["impressions"].iter_rows(named=True)):
        row.pop("page_id")
        key = {"id": f"i{number}", "request_id": f"r{number}"}
        told = {}
        if row["clicked"] and number % 2:
            told = {n: row.pop(n) for n in ("clicked", "watch_seconds")}
            given.append(
                {
                    "kind": "click",
                    "video_id": row["video_id"],
                    "request_id": key["request_id"],
                    "watch_seconds": told["watch_seconds"],
                }
            )
        given.append({"kind": "impression", **key, **row})
    given += rng.choices(given, k=len(given) // 5)
    rng.shuffle(given)
    return given


@pytest.fixture(scope="module", params=[0, 1])
def lived(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    place: pathlib.Path = tmp_path_factory.mktemp("lived")
    log = full_log.tables(request.param)
    is_event = {name: "time" in table.columns for name, table in log.items()}
    early = pl.col("time") < CUT
    first = {n: t.filter(early) if is_event[n] else t for n, t in log.items()}
    second = {n: t.filter(~early) for n, t in log.items() if is_event[n]}
    state = sqlite_store.Database(place / "state.db")
    reader, rng = posted_events.EventReader(pl.String()), random.Random(request.param)
    batch = [reader.read(one, 0.0) for one in posted(second, rng)]
    stored = [state.add(batch[n::7]) for n in range(7)]
    assert sum(one.result().known for one in stored) >= len(batch) // 7
    # A click is a watch, a second later.
    clicked = second["impressions"].filter("clicked").select(*KEPT)
    clicked = clicked.with_columns(pl.col("time") + 1)
    log["watches"] = pl.concat([log["watches"], clicked], how="diagonal").sort("time")
    return Lived(
        full_log.prepared_data(place / "first", first),
        state,
        full_log.prepared_data(place / "whole", log),
    )


def order(lived: Lived) -> list[int]:
    """Returns the index in the whole log of each video of the first part."""
    ids = lived.whole.videos["video_id"].to_list()
    return [0, *(1 + ids.index(video) for video in lived.first.videos["video_id"])]


def test_counters_are_those_of_the_whole_log(lived: Lived) -> None:
    names = [f.name for f in counter_features.FEATURES]
    names += ["video_clicks_day", "topic_watches_hour", "channel_click_rate_week"]
    chosen = {
        which: [
            feature
            for feature in feature_choice.named(base_feature.RANKING, names, data)
            if isinstance(feature, counters.Counter)
        ]
        for which, data in (("first", lived.first), ("whole", lived.whole))
    }
    every = np.arange(lived.whole.num_videos + 1)
    moments = np.full(len(every), lived.moment)
    sums = counter_sums.QuantitySums(lived.whole, lived.moment - 604_800)
    asked = counter_sums.CounterRequests(sums, every, moments)
    expected = np.stack([each.values(asked) for each in chosen["whole"]], axis=-1)
    begin = lived.first.windows.end_of_log
    tables = continued_counts.LiveTables(
        lived.later, lived.first, chosen["first"], None, begin
    )
    found = tables.at(lived.moment)
    assert found.keys() == {"counters"}
    np.testing.assert_array_equal(found["counters"], expected[order(lived)])
    assert (expected != tables.at(begin)["counters"]).any(axis=0).sum() > len(names) / 2
    alone = continued_counts.LiveTables(
        lived.later, lived.first, chosen["first"][:1], None, begin
    )
    assert alone.at(lived.moment)["counters"].shape == (len(every),)


@pytest.mark.parametrize("kind", impression_rates.KINDS)
def test_the_counted_order_is_that_of_the_whole_log(lived: Lived, kind: str) -> None:
    every = np.arange(lived.whole.num_videos + 1)
    whole = impression_rates.sums_before(lived.whole, every, lived.moment)
    begin = lived.first.windows.end_of_log
    tables = continued_counts.LiveTables(
        lived.later, lived.first, [], None, begin, kind
    )
    found = tables.at(lived.moment)
    assert found.keys() == {"counted_order"}
    expected = impression_rates.order(kind, whole)[order(lived)]
    np.testing.assert_allclose(found["counted_order"], expected, rtol=1e-5)
    assert (found["counted_order"] != tables.at(begin)["counted_order"])[1:].all()
    config = configs.CompositionConfig(ordered_by=kind)
    counts = slate.SlateOrder(config, lived.first)._counts
    assert counts.name == "counted_order:0"
    assert counts.shape == found["counted_order"].shape


def test_live_terms_are_those_of_the_whole_log(lived: Lived) -> None:
    weights = live_terms.weights(np.linspace(0.1, 1.0, live_terms.NUM_TERMS))
    counts = live_counts.LiveCounts(lived.whole, lived.moment)
    expected = live_term_source.state_of_counts(counts, lived.moment)
    tables = continued_counts.LiveTables(
        lived.later, lived.first, [], weights, lived.first.windows.end_of_log
    ).at(lived.moment)
    places = order(lived)
    whole = live_term_source.tables(expected, weights)
    for name in ("live_popular_score", "live_session_score"):
        np.testing.assert_array_equal(tables[name], whole[name][places])
    assert tables["live_moment"] == whole["live_moment"] == lived.moment
    shown = {places[video] for video in tables["live_videos"]}
    assert shown == set(whole["live_videos"].tolist()) != set()
    for video, place in enumerate(places):
        row, other = tables["live_rows"][video], whole["live_rows"][place]
        nexts = zip(
            (places[each] for each in tables["live_following"][row]),
            tables["live_terms"][row].tolist(),
            strict=True,
        )
        expected_nexts = zip(
            whole["live_following"][other].tolist(),
            whole["live_terms"][other].tolist(),
            strict=True,
        )
        assert sorted(nexts) == sorted(expected_nexts)


def test_a_late_watch_has_its_place(lived: Lived, tmp_path: pathlib.Path) -> None:
    """A watch of the log, a late one, another of the log, and a new one."""
    data, state = lived.first, sqlite_store.Database(tmp_path / "state.db")
    is_own = data.watches.users == continued_counts.user_indices(data)["u1"]
    first, second = data.watches.times[is_own][-2:].tolist()
    assert second > first + 1
    given = [("v3", first + 1), ("v5", lived.moment)]
    reader, row = posted_events.EventReader(pl.String()), {"kind": "watch"}
    row["user_id"] = "u1"
    late = [reader.read({**row, "video_id": v, "time": t}, 0.0) for v, t in given]
    state.add(late).result()
    later = continued_counts.LaterEvents(data, state, opening.LogEnd())
    later.follow()
    tables = continued_counts.LiveTables(later, data, [], None, lived.moment)
    counts = tables._watched(live_counts.LiveCounts(data, lived.moment))
    for before, (video, time) in zip(
        data.watches.videos[is_own][-2:], given, strict=True
    ):
        (after,) = counts.followed(int(before), time, time + 1)
        assert data.videos["video_id"][int(after) - 1] == video


def test_histories_are_those_of_the_whole_log(lived: Lived) -> None:
    for user in range(full_log.NUM_USERS):
        user_id = f"u{user}"
        whole = user_requests.at_end(lived.whole, user_id)
        index = continued_counts.user_indices(lived.first)[user_id]
        base = user_requests.at_end_of(lived.first, index)
        own = lived.state.user_events(user_id)
        found = histories.request(own, whole, lived.moment, base)
        assert found["time"] == whole["time"]
        # A prepared log keeps no search without a word that others searched for.
        known = set(whole["queries"])
        assert [each for each in found["queries"] if each in known] == whole["queries"]
        for lists in (
            ("watched_video_ids", "watch_times", "watched_seconds"),
            ("impression_video_ids", "impression_times", "impression_clicked"),
        ):
            rows, expected = (
                [(v, t, np.float32(n)) for v, t, n in zip(*columns, strict=True)]
                for columns in (map(known.get, lists) for known in (found, whole))
            )
            assert [row[1] for row in rows] == [row[1] for row in expected]
            assert sorted(rows) == sorted(expected)


def test_a_users_events_are_counted_whatever_came_before_them(lived: Lived) -> None:
    end = opening.LogEnd(CUT + 86_400 - 1, math.inf)
    later = continued_counts.LaterEvents(lived.first, lived.state, end)
    assert later.follow()
    assert not later.follow()
    assert all(time >= CUT + 86_400 for time in later.watches()["time"])


def test_a_removed_user_is_counted_by_no_process(lived: Lived) -> None:
    """Run last: the others need the user's events."""
    first, other = lived.later, lived.later
    before = first.watches()
    assert "u3" in before["user"]
    elsewhere = sqlite_store.Database(lived.state._path)  # of another process
    elsewhere.remove_user("u3")
    elsewhere.close()
    for later in (first, other):
        assert later.follow()
        assert not later.follow()
        assert later.watches().equals(before.filter(pl.col("user") != "u3"))
        assert len(later.shard().impressions.times) < len(before)
