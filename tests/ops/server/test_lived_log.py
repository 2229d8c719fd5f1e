"""Random events lived by servers, and the same in a prepared log: equal answers."""

import contextlib
import dataclasses
import pathlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from starlette import testclient

from tests import full_log, untrained
from tests.ops.server import conftest, live, test_events
from tests.ops.state import test_stores
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import user_requests
from ytdnn.features import counter_sums
from ytdnn.log import events, prepared
from ytdnn.ops.server import app
from ytdnn.ops.state import continued_counts
from ytdnn.retrieval import live_counts, live_term_source, live_terms

END = full_log._START + full_log._SPAN
USERS = [f"u{n}" for n in range(full_log.NUM_USERS)] + ["x0", "x1"]
VIDEOS = [f"v{n}" for n in range(full_log.NUM_VIDEOS + full_log.NUM_UNWATCHED)]
WEIGHTS = tuple(float(each) for each in np.linspace(0.1, 1.0, live_terms.NUM_TERMS))
PLACES = dataclasses.replace(untrained.CONFIG.composition, live_weights=WEIGHTS)
COUNTERS = ("video_clicks_day", "topic_watches_hour", "channel_click_rate_week")
FEATURES = configs.FeaturesConfig(add=("candidate_source", "seed_video", *COUNTERS))
RANKING = dataclasses.replace(untrained.CONFIG.ranking, features=FEATURES)
CONFIG = dataclasses.replace(untrained.CONFIG, composition=PLACES, ranking=RANKING)

Json = dict[str, Any]
Post = Callable[[list[Json]], None]


class Script:
    """Random events: as they are posted, and as rows of a log.

    Attributes:
      events: What is posted.
      rows: Rows of each table.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._rng = random.Random(seed)
        self.events: list[Json] = []
        self.rows: Json = {"watches": [], "searches": [], "impressions": []}
        time = END + 1
        watches = full_log.tables()["watches"]
        last = dict(watches.group_by("user_id").agg(pl.col("time").max()).iter_rows())
        user = USERS[0]
        while len(self.events) < number:
            if self._rng.random() < 0.8:  # else in the second of the event before
                user, begin = self._rng.choice(USERS), END
                if self._rng.random() < 0.1:  # late, but after what was watched
                    begin = last.get(user, END - 300_000)
                span = (begin, END) if begin < END - 100 else (END, END + 300_000)
                time = self._rng.randint(span[0] + 20, span[1]) // 10 * 10
            kinds = [self._watch, self._page, *[self._search] * (time > END)]
            self._rng.choice(kinds)({"user_id": user, "time": time})

    def _watch(self, event: Json) -> None:
        event |= {"video_id": self._rng.choice(VIDEOS)}
        event |= {"watch_seconds": float(self._rng.randint(1, 400))}
        self._add("watch", event)
        self.rows["watches"].append(event)

    def _search(self, event: Json) -> None:
        event |= {"query": self._rng.choice(["guitar", "live", "東京", "mp3"])}
        self._add("search", event)
        self.rows["searches"].append(event)

    def _page(self, event: Json) -> None:
        """Adds a slate; a click is told with it, by a click, or by a watch."""
        request = {"request_id": f"r{len(self.events)}"}
        page = len(self.rows["impressions"]) + 10**6
        for video in self._rng.sample(VIDEOS, self._rng.randint(1, 6)):
            shown = event | {"video_id": video}
            clicked, how = self._rng.random() < 0.4, self._rng.randint(0, 2)
            seconds = {"watch_seconds": float(self._rng.randint(1, 400))}
            told = {"clicked": clicked} | (seconds if clicked else {})
            self.rows["impressions"].append(shown | told | {"page_id": page})
            self._add("impression", shown | request | (told if not how else {}))
            watched = shown | seconds | {"time": event["time"] + (7 if how > 1 else 1)}
            if not clicked:
                continue
            self.rows["watches"].append(watched)
            if how == 1:
                named = {n: v for n, v in watched.items() if n != "user_id"}
                self._add("click", named | request)
            elif how == 2:
                self._add("watch", watched | request)

    def _add(self, kind: str, event: Json) -> None:
        self.events.append(event | {"kind": kind, "id": f"e{len(self.events)}"})

    def log(self, early: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Returns a log with the rows after those of an early one."""
        joined = dict(early)
        for name, rows in self.rows.items():
            both = pl.concat([early[name], pl.DataFrame(rows)], how="diagonal_relaxed")
            joined[name] = both.sort("time", maintain_order=True)
        return joined

    def post(self, posts: list[Post]) -> None:
        """Posts to servers in turn, some twice, those of a user's second in order."""
        places = {(e.get("user_id"), e["time"]): 0.0 for e in self.events}
        places = {key: self._rng.random() for key in places}
        given = sorted(self.events, key=lambda e: places[e.get("user_id"), e["time"]])
        start = 0
        while start < len(given):
            size = self._rng.randint(1, 60)
            again = self._rng.choices(given[:start], k=size // 4) if start else []
            self._rng.choice(posts)(given[start : start + size] + again)
            start += size


def with_indices_of(
    whole: prepared.PreparedData, first: prepared.PreparedData
) -> prepared.PreparedData:
    """Returns the events of a log in the catalogue of another one."""
    ids = first.videos[schema.VIDEO_ID].to_list()
    places = [0, *(1 + ids.index(video) for video in whole.videos[schema.VIDEO_ID])]
    indices, shard = np.array(places, np.int32), whole.log.shard

    def moved(table: Any) -> Any:
        return dataclasses.replace(table, videos=indices[table.videos])

    shard = events.Shard(moved(shard.watches), None, moved(shard.impressions))
    shards = (events.in_memory(shard, whole.num_users),)
    log = dataclasses.replace(whole.log, shards=shards, _whole=None)
    return first.with_log(log)


def tables_of(log: prepared.PreparedData, named: Any, moment: int) -> Json:
    """Returns the counters and live terms of a log, without the state's functions."""
    every = np.arange(log.num_videos + 1)
    sums = counter_sums.QuantitySums(log, moment - 604_800)
    asked = counter_sums.CounterRequests(sums, every, np.full(len(every), moment))
    assert len(named) > 3
    counted = np.stack([each.values(asked) for each in named], axis=-1)
    counts = live_counts.LiveCounts(log, moment)
    state = live_term_source.state_of_counts(counts, moment)
    weights = live_terms.weights(np.array(WEIGHTS))
    return {continued_counts.COUNTERS: counted} | live_term_source.tables(
        state, weights
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    untrained.serve_only()
    place = tmp_path_factory.mktemp("first")
    untrained.make_of(place, full_log.tables(), CONFIG, ())
    return place


def in_this_process(workdir: pathlib.Path, state: Any) -> test_events.Live:
    given = conftest.made(workdir, state=state, log=None, inspect=False)
    parts = app.Server(given)
    client = testclient.TestClient(app.application(parts), conftest.ADDRESS)
    return test_events.Live(client, parts, None)  # type: ignore[arg-type]


def live_through(
    script: Script, workdir: pathlib.Path, state: str, processes: int
) -> list[test_events.Live]:
    """Posts to two servers, or to one of two processes; returns two that know all."""
    if processes == 1:
        servers = [in_this_process(workdir, state) for _ in range(2)]

        script.post([lambda batch, s=s: s.events(*batch) for s in servers])  # type: ignore[misc]
        return servers
    flags = (f"--state={state}", f"--processes={processes}", "--log=none")
    with live.in_process(workdir, *flags) as server:

        def ask(batch: list[Json]) -> None:
            assert server.ask("/events", batch)[0] == 200

        script.post([ask])
        server.end()
    return [in_this_process(workdir, state)]


def compare(
    script: Script, servers: list[test_events.Live], workdir: pathlib.Path, at: Any
) -> None:
    """Compares the answers of servers with those to the histories of a whole log."""
    first = prepared.load(workdir / "data")
    whole = full_log.prepared_data(at, script.log(full_log.tables()))
    moment = whole.windows.end_of_log + 1
    silent = in_this_process(workdir, None)
    for server in servers:
        state, counters = server.parts.state, server.parts.counters
        assert len(state.store.since(0, 10**6)) == len(script.events)
        state.clock = lambda: moment - 1
        counters.count(server.parts.served.current)
        assert (counters.counted_to, counters.problem) == (moment, "")
        named = counters._counted._counters
    version = silent.parts.served.current
    version.assign(tables_of(with_indices_of(whole, first), named, moment))
    answers, sources = set(), set()
    for user in USERS:
        request = version.bundle.fitting(user_requests.at_end(whole, user))
        expected = silent.post("/recommend", request | {"k": 12}).json()["videos"]
        for server in servers:
            asked = {"user_id": user, "time": moment, "k": 12}
            found = server.post("/recommend", asked).json()["videos"]
            assert found == [*map(close_to, expected)], user
        answers.add(tuple(one["video_id"] for one in expected))
        sources |= {one["source"] for one in expected}
    if len(script.events) < 5_000:  # later most users have watched all videos
        assert sources - {"popular"}
        assert len(answers) > len(USERS) / 2
    assert len(answers) > 1


def close_to(video: Json) -> Json:
    """Returns a video of an answer whose numbers may be rounded elsewhere.

    Shorter padding of a history changes the last digits.
    """
    return {
        name: pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
        for name, value in video.items()
    }


def check(
    workdir: pathlib.Path, at: pathlib.Path, number: int, where: str, processes: int = 1
) -> None:
    script = Script(number, number)
    with contextlib.ExitStack() as stack:
        state = str(at / "state.db")
        if where == "redis":
            flags = test_stores.DURABLE
            port = stack.enter_context(test_stores.redis_server(at, *flags))
            state = f"redis://127.0.0.1:{port}"
        servers = live_through(script, workdir, state, processes)
        compare(script, servers, workdir, at / "whole")
        for server in servers:
            server.parts.state.store.close()


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["file", "redis"])
def test_two_servers_answer_as_the_log_says(
    workdir: pathlib.Path, tmp_path: pathlib.Path, where: str
) -> None:
    check(workdir, tmp_path, 1_000, where)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "processes"), [("redis", 1), ("file", 2)])
def test_ten_thousand_events_are_answered_as_the_log_says(
    workdir: pathlib.Path, tmp_path: pathlib.Path, where: str, processes: int
) -> None:
    check(workdir, tmp_path, 10_000, where, processes)
