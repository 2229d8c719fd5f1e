"""`POST /events`: stored, known to the next answer, and gone with its user."""

import copy
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette import testclient

from tests import untrained
from tests.ops.server import conftest, test_openapi
from ytdnn.base import errors
from ytdnn.ops.server import app, hot_swap, live_counters, served_state
from ytdnn.ops.state import posted_events, store

NOW = 1_603_600_000  # a day after the log's end
WATCH = {"kind": "watch", "user_id": "u3", "video_id": "v1", "time": NOW - 60}

SEGMENT = {"segment": "new"}


class Live(conftest.Server):
    """A server with a state, whose clock is set by hand."""

    def events(self, *events: Any) -> Any:
        answer = self.post("/events", [*events])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def asked(self, user: str, **more: Any) -> list[str]:
        """Returns the videos that a request naming only its user is answered with."""
        found = self.post("/recommend", {"user_id": user, "k": 30} | more)
        assert found.status_code == 200, found.text
        return [video["video_id"] for video in found.json()["videos"]]

    def history(self, user: str, before: int = NOW) -> dict[str, Any]:
        """Returns the request that a user's events make."""
        assert self.parts.state is not None
        return self.parts.state._history(self.parts.served.current, user, before)[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def live(
    untrained_run: untrained.Run, workdir: pathlib.Path, place: pathlib.Path
) -> Iterator[Live]:
    """A server that knows its log; each test asks for users of its own."""
    untrained.serve_only()
    state = place / "state.db"
    parts = app.Server(conftest.made(workdir, state=state, log=None, inspect=False))
    assert parts.state is not None
    parts.state.clock = lambda: NOW
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        yield Live(client, parts, untrained_run)


def test_an_event_is_in_the_next_answer_of_its_user(live: Live) -> None:
    before = live.asked("u3", k=3)
    told = live.events({**WATCH, "video_id": before[0], "time": NOW})
    assert told == {"stored": 1, "known": 0, "warnings": []}
    after = live.asked("u3")
    assert before[0] not in after
    assert before[1] in after


def test_a_user_of_no_log_has_the_history_of_the_state(live: Live) -> None:
    nobody = live.asked("new", k=8)  # it is shown these
    first = {"user_id": "new", "kind": "watch", "watch_seconds": 60}
    live.events(
        *({**first, "video_id": f"v{n}", "time": NOW - 90 + n} for n in (2, 5, 9)),
        {"kind": "search", "user_id": "new", "query": "東京", "time": NOW - 5},
        {
            "kind": "user",
            "user_id": "new",
            "country": "JP",
            "segment": "new",
            "id": "x",
        },
    )
    whole = {
        "watched_video_ids": ["v2", "v5", "v9"],
        "watch_times": [NOW - 88, NOW - 85, NOW - 81],
        "watched_seconds": [60.0] * 3,
        "queries": ["東京"],
        "country": "JP",
        **SEGMENT,
        "time": NOW + 1,
    }
    shown = {n: v for n, v in live.history("new", NOW + 1).items() if n in whole}
    assert shown == whole
    answer = live.asked("new", k=8)
    state, live.parts.state = live.parts.state, None
    given = whole | {"impression_video_ids": nobody, "impression_times": [NOW] * 8}
    given |= {"impression_clicked": [0] * 8}
    expected = live.post("/recommend", given | {"k": 8}).json()["videos"]
    live.parts.state = state
    assert answer == [one["video_id"] for one in expected] != nobody


def test_an_answer_and_its_feedback_are_impressions_and_watches(live: Live) -> None:
    answer = live.post("/recommend", {"user_id": "shown", "k": 4}).json()
    first, second, third, fourth = (one["video_id"] for one in answer["videos"])
    request = {"request_id": answer["request_id"]}
    clicked = {**request, "video_id": second, "clicked": True, "watch_seconds": 9.0}
    assert live.post("/feedback", clicked).status_code == 200
    (other, *_) = {*live.run.bundle.titles} - {first, second, third, fourth}
    refused = live.post("/feedback", clicked | {"video_id": other})
    assert "to be one of the answer it names" in refused.json()["error"]
    own = {**request, "user_id": "shown"}
    live.events(
        {**own, "kind": "impression", "video_id": first, "id": "again"},
        {**own, "kind": "watch", "video_id": third, "id": "a watch"},
        {**request, "kind": "outcome", "video_id": fourth, "liked": True},
    )
    known = live.history("shown", NOW + 1)
    assert known["impression_video_ids"] == [first, second, third, fourth]
    assert known["impression_clicked"] == [0, 1, 1, 0]
    assert sorted(known["watched_video_ids"]) == sorted([second, third])
    assert known["watch_times"] == [NOW, NOW]
    assert sorted(known["watched_seconds"]) == [-1.0, 9.0]
    assert not {second, third} & set(live.asked("shown"))


def test_a_history_goes_on_from_the_log(live: Live) -> None:
    end = live.run.data.windows.end_of_log
    logged = live.history("u5")
    watch = {"kind": "watch", "user_id": "u5"}
    live.events(
        {**watch, "video_id": "v4", "time": end + 9},
        {**watch, "video_id": "v7", "time": NOW + 50},
    )
    known = live.history("u5")
    assert known["watched_video_ids"] == [*logged["watched_video_ids"], "v4"]
    assert known["watch_times"] == [*logged["watch_times"], end + 9]
    assert live.history("u5", NOW + 60)["watched_video_ids"][-1] == "v7"


def test_a_late_event_counts_unless_it_came_before_the_log_was_prepared(
    live: Live, workdir: pathlib.Path
) -> None:
    end = live.run.data.windows.end_of_log
    state = live.parts.state
    assert state is not None
    prepared = (workdir / "data" / "manifest.json").stat().st_mtime
    logged = live.history("u6")["watch_times"]
    watch = {"kind": "watch", "user_id": "u6", "video_id": "v4"}
    received = iter((prepared - 5, prepared + 5))
    state.clock = lambda: next(received)
    live.events({**watch, "time": end - 10})
    live.events({**watch, "time": end - 20})
    state.clock = lambda: NOW
    assert live.history("u6")["watch_times"] == sorted([*logged, end - 20])


def test_a_request_with_a_history_is_answered_as_it_is(live: Live) -> None:
    live.events({**WATCH, "user_id": "own"})
    request = live.request("u3", k=5)
    assert live.asked("own", **request) == [
        one["video_id"] for one in live.post("/recommend", request).json()["videos"]
    ]


def test_an_unknown_user_is_told(live: Live) -> None:
    asked = {"user_id": "nobody-yet", "allow_ids": ["v1"], "exclude_ids": ["v1"]}
    assert live.post("/recommend", asked).json()["warnings"] == [
        'answered from an empty history: no events of user "nobody-yet"',
        "all videos are watched, excluded or outside the conditions",
    ]


def test_a_batch_is_stored_as_a_whole_or_not(live: Live) -> None:
    wrong = {**WATCH, "user_id": "whole", "time": -1}
    right = {**WATCH, "user_id": "whole"}
    answer = live.post("/events", [right, wrong])
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("event 1: expected time to be a time of")
    assert live.history("whole").get("watched_video_ids") is None
    live.events(right)
    told = live.events(right, {**right, "time": 3})
    assert (told["stored"], told["known"]) == (1, 1)
    assert told["warnings"] == [
        "1 of 2 events are of before the year 2000 or of days to come, as 3: check "
        "their time"
    ]
    live.events({**right, "id": "one"})
    other = live.post("/events", {**right, "id": "one", "time": 9})
    assert other.status_code == 400
    assert "give each event an id of its own" in other.json()["error"]
    for nothing in ([], [right] * 10_001):
        assert "expected 1 to 10,000 events" in live.post("/events", nothing).text


def test_events_of_unknown_videos_are_kept_and_told(live: Live) -> None:
    told = live.events({**WATCH, "user_id": "early", "video_id": "tomorrows"})
    assert told["warnings"] == [
        "1 of 1 events are of videos that are not in the catalogue, as 'tomorrows': "
        "they count from a version that has them"
    ]


def test_as_of_its_moment_a_log_gives_the_exported_counters(
    live: Live, workdir: pathlib.Path
) -> None:
    assert live.parts.state is not None
    version = live.parts.served.current
    moment = version.bundle.manifest.facts["statistics_as_of"]["seconds"]
    found = live_counters.LiveCounters(live.parts.state, workdir / "data")
    found._open(version, moment)
    assert found._counted is not None
    counted = found._counted.at(moment)["counters"]
    model = tf.saved_model.load(str(version.bundle.path(conftest.MODEL)))
    (exported,) = (v for v in model.resources if "counters" in getattr(v, "name", ""))
    np.testing.assert_array_equal(counted, exported.numpy())
    assert np.ptp(counted, axis=0).all()


def test_counters_count_on(live: Live) -> None:
    state, counters = live.parts.state, live.parts.counters
    assert state is not None
    assert counters is not None

    def wait(until: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not until():
            assert time.monotonic() < end, counters.problem
            time.sleep(0.2)

    def values() -> dict[str, float]:
        why = live.post("/inspect/why", {"video_id": "v9"}).json()
        found = {one["feature"]: one["value"] for one in why["features"]}
        return {name: found[f"video_{name}"] for name in ("impressions", "watches")}

    live.events({**WATCH, "user_id": "before", "video_id": "v9"})
    last = state.store.since(0, 10_000)[-1][0]
    wait(lambda: getattr(counters._counted, "later", None) is not None)
    wait(lambda: counters._counted.later._place == last)
    time.sleep(2)  # they are read, and set in the same turn
    before = values()
    shown = {"kind": "impression", "user_id": "counted", "video_id": "v9"}
    live.events(
        *({**shown, "time": NOW - 9 - n, "clicked": n > 2} for n in range(5)),
        {**shown, "kind": "watch", "time": NOW - 30},
    )
    added = {"impressions": 5, "watches": 3}  # a click is a watch
    wait(lambda: values() == {name: before[name] + added[name] for name in added})
    status = live.client.get("/status").json()["state"]
    assert (status["problem"], status["counted_to"]) == (None, NOW + 1)
    assert live.client.delete("/users/counted").json() == {"removed": 6}
    wait(lambda: values() == before)


def test_a_removed_user_is_known_no_more(live: Live, place: pathlib.Path) -> None:
    user = "somebody/who leaves?"
    live.events({**WATCH, "user_id": user})
    live.asked(user)
    assert user.encode() in b"".join(each.read_bytes() for each in place.iterdir())
    gone = live.client.delete("/users/somebody%2Fwho%20leaves%3F")
    assert gone.json() == {"removed": 2}
    assert user.encode() not in b"".join(each.read_bytes() for each in place.iterdir())
    assert live.history(user).get("watched_video_ids") is None


def test_answers_are_as_the_interface_says(live: Live) -> None:
    text = (pathlib.Path(__file__).parents[3] / "docs" / "openapi.yaml").read_text()
    document = yaml.safe_load(text)
    event = {**WATCH, "user_id": "described"}
    for body in (event, [event], {}):
        test_openapi.check(document, "POST", "/events", live.post("/events", body))
    gone = live.client.delete("/users/described")
    test_openapi.check(document, "DELETE", "/users/{user_id}", gone)
    test_openapi.check(document, "GET", "/status", live.client.get("/status"))


def test_a_state_lets_an_old_version_go(live: Live) -> None:
    version = copy.copy(live.parts.served.current)
    version._known_once = {}
    assert live.parts.state is not None
    assert live.parts.state.log_end(version).time > 0
    assert sys.getrefcount(version) == 2  # the name and the argument


def test_what_is_no_state_is_refused_before_models_are_loaded(
    workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(hot_swap, "ServedVersions")
    with pytest.raises(errors.UserError, match="expected the state of a server"):
        app.Server(conftest.made(workdir, state=workdir))


def test_without_a_state_events_are_refused(live: Live) -> None:
    client = live.changed(state=None)
    for answer in (client.post("/events", json=WATCH), client.delete("/users/u")):
        assert answer.status_code == 404
        assert "start the server with --state" in answer.json()["error"]


def test_a_state_that_cannot_be_written_is_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise store.StateError("database or disk is full")

    assert live.parts.state is not None
    monkeypatch.setattr(live.parts.state.store, "add", full)
    monkeypatch.setattr(live.parts.state.store, "user_events", full)
    answer = live.post("/events", {**WATCH, "user_id": "lost"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "database or disk is full" in answer.json()["error"]
    answer = live.post("/recommend", {"user_id": "u3", "k": 1}).json()
    assert "no live state: database or disk is full" in answer["warnings"][0]
    assert answer["videos"]  # an answer waits neither for the state nor its record


def test_a_state_that_hangs_is_waited_for_once(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def hang(_: object) -> None:
        asked.append(1)
        raise store.StateError("Timeout reading from socket")

    assert live.parts.state is not None
    monkeypatch.setattr(live.parts.state.store, "user_events", hang)
    monkeypatch.setattr(live.parts.state, "_unread", (0.0, ""))
    monkeypatch.setattr(served_state, "_LATE_SECONDS", -1.0)
    for _ in range(2):
        answer = live.post("/recommend", {"user_id": "u3", "k": 1}).json()
        assert "no live state: Timeout" in answer["warnings"][0]
    assert len(asked) == 1


def test_an_event_that_no_server_wrote_is_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = posted_events.Event("own", "watch", "u3", "", 10**9, 1e12, "no")
    assert live.parts.state is not None
    monkeypatch.setattr(live.parts.state.store, "user_events", lambda _: [foreign])
    answer = live.post("/recommend", {"user_id": "u3", "k": 1}).json()
    assert "expected JSON in event 'own' of the state" in answer["warnings"][0]
    assert answer["videos"]


_KEYS = ("kind", "id", "user_id", "video_id", "time", "query", "clicked", "request_id")
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["watch", "click", "u3", "v1", "1", "\x00", "v1'; --"]),
)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3)
_VALUES |= st.dictionaries(st.text(max_size=3), _VALUES, max_size=2)
_EVENTS = st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _VALUES)
_EVENTS |= st.builds(lambda event: {**WATCH, "user_id": "hostile", **event}, _EVENTS)
_HOSTILE = _VALUES | _EVENTS | st.lists(_EVENTS, max_size=3)


@settings(max_examples=1_000, deadline=None)
@given(_HOSTILE)
def test_hostile_bodies_are_refused_in_a_line_or_stored(live: Live, body: Any) -> None:
    text = json.dumps(body)
    kind = {"Content-Type": "application/json"}
    answer = live.client.post("/events", content=text, headers=kind)
    told = answer.json()
    if answer.status_code == 200:
        number = len(body) if isinstance(body, list) else 1
        assert told["stored"] + told["known"] == number
        return
    assert answer.status_code == 400
    assert set(told) == {"error"}
    assert "expected" in told["error"]
    assert "\n" not in told["error"]
    assert "Traceback" not in told["error"]
