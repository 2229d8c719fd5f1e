"""Posted events: what is accepted, what is refused, and in which words."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import full_log
from ytdnn.base import errors, schema, table_schemas
from ytdnn.log import faults, io_fields, prepared
from ytdnn.ops.state import posted_events

NOW = 1_700_000_000.5
WATCH = {"kind": "watch", "user_id": "u", "video_id": "v", "time": 5}


def read(
    given: Any, ids: pl.DataType | None = None, **more: Any
) -> posted_events.Event:
    return posted_events.EventReader(ids or pl.String(), **more).read(given, NOW)


def test_a_watch_keeps_its_columns() -> None:
    event = read(WATCH | {"id": "e", "watch_seconds": 3.5, "device": None})
    assert event[:6] == ("e", "watch", "u", "", 5, NOW)
    assert event.columns == WATCH | {"watch_seconds": 3.5}


def test_without_a_time_an_event_is_of_the_moment_it_was_received() -> None:
    late = {name: WATCH[name] for name in WATCH if name != "time"}
    assert read(late | {"id": "e"}).time == int(NOW)


def test_without_an_id_the_content_is_the_id() -> None:
    again = dict(reversed(WATCH.items()))
    assert read(WATCH).id == read(again).id != read(WATCH | {"time": 6}).id


def test_an_integer_id_may_be_sent_as_text() -> None:
    assert read(WATCH | {"video_id": "77"}, pl.Int64()).columns["video_id"] == 77


def test_a_click_names_its_impression_only() -> None:
    event = read({"kind": "click", "request_id": "r", "video_id": "v", "liked": True})
    assert (event.user, event.request, event.time) == ("", "r", int(NOW))


def test_own_outcomes_and_own_columns_of_users_are_read() -> None:
    told = {"kind": "outcome", "request_id": "r", "video_id": "v", "price": 3}
    assert read(told, own_outcomes=("price",)).columns["price"] == 3
    user = {"kind": "user", "user_id": 7, "id": "x", "segment": "new", "age": 30}
    known = {"segment": io_fields.text("segment")}
    assert read(user, user_fields=known).user == "7"
    with pytest.raises(errors.UserError, match="expected a string in request key seg"):
        read(user | {"segment": 3}, user_fields=known)
    with pytest.raises(errors.UserError, match=r"expected keys of .*segment"):
        read(user)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """A prepared set whose videos have columns of their own and a vector."""
    log = full_log.tables()
    videos = log["videos"]
    rows = [[1.0, n, 0.5] for n in range(videos.height)]
    pixels = pl.Series("pixels", rows, pl.List(pl.Float64))
    kids = pl.col("genre") == "fun"
    channels = pl.col("channel_id").cast(pl.Int64)
    log["videos"] = videos.with_columns(pixels, channels, kids=kids)
    return full_log.prepared_data(tmp_path_factory.mktemp("columns"), log)


VIDEO = {"kind": "video", "video_id": "new"}


def test_a_new_video_has_the_columns_of_the_catalogue(
    data: prepared.PreparedData,
) -> None:
    own = {"genre": "fun", "stars": 2, "channel_id": 3, "pixels": [1, 0.5, 0]}
    own |= {"title": "東京", "upload_time": 9, "duration_seconds": 30.5, "kids": "true"}
    event = read(VIDEO | own, data=data)
    assert (event.user, event.request, event.time) == ("", "", int(NOW))
    assert event.columns == VIDEO | own
    assert event.id == read(VIDEO | own | {"kids": True}, data=data).id
    assert event.id != read(VIDEO | own | {"stars": 3}, data=data).id


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"video_id": 3}, "expected video_id to be a string, as the ids of the cat"),
        ({"video_id": None}, "expected video_id to be given in an event of kind video"),
        ({"channel_id": "x"}, "expected channel_id to be an integer"),
        ({"genre": 3}, "expected genre to be text of at most 10,000 characters"),
        ({"kids": "maybe"}, 'expected kids to be true or false, received "maybe"'),
        ({"stars": float("nan")}, "expected stars to be a number"),
        ({"duration_seconds": -1}, "expected duration_seconds .* of at least 0"),
        ({"pixels": [1.0]}, "3 numbers in .*pixels|pixels.* 3"),
        ({"pixels": [1.0, 2.0, float("inf")]}, "pixels"),
        ({"pixels": "x"}, "pixels"),
        ({"train_count": 3}, 'received "train_count"'),
        ({"user_id": "u"}, 'expected keys of id, kind, video_id.*received "user_id"'),
        ({"request_id": "r"}, 'received "request_id"'),
        ({"time": 3}, 'received "time"'),
    ],
)
def test_a_malformed_video_is_refused_in_a_line(
    changed: Any, line: str, data: prepared.PreparedData
) -> None:
    with pytest.raises(errors.UserError, match=line) as raised:
        read(VIDEO | changed, data=data)
    assert "\n" not in str(raised.value)
    with pytest.raises(errors.UserError, match="expected a server with --workdir"):
        read(VIDEO)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"kind": "wacth"}, 'expected kind to be one of watch, .*received "wacth"'),
        ({"kind": None}, "expected kind .*it is missing"),
        ({"kind": ["watch"]}, "expected kind"),
        ({"kind": "slate"}, "expected kind"),
        ({"user_id": None}, "expected user_id to be given in an event of kind watch"),
        ({"user_id": ""}, "user_id to be an integer or a text of 1 to 256 characters"),
        ({"user_id": "a\0b"}, r"none \\0 and not all blank, received"),
        ({"user_id": " "}, "expected user_id"),
        ({"user_id": "\ud800"}, "expected user_id"),
        ({"user_id": 2**63}, "expected user_id"),
        ({"video_id": 3}, "expected video_id to be a string, as the ids of the cat"),
        ({"time": -1}, "expected time to be a time of at least 0, received -1"),
        ({"time": 4_102_444_801}, "expected time .*before the year 2100"),
        ({"time": "now"}, "expected time to be a time in seconds since 1970"),
        ({"time": 3.5}, "expected time"),
        ({"watch_seconds": -1}, "expected watch_seconds to be a number of at least 0"),
        ({"watch_seconds": 1e8}, r"number of at most 1e\+07"),
        ({"watch_seconds": float("nan")}, "expected watch_seconds to be a number"),
        ({"watch_seconds": True}, "expected watch_seconds"),
        ({"logged_in": 1}, "expected logged_in to be true or false, received 1"),
        ({"device": {"a": 1}}, "expected device to be text"),
        ({"seconds": 3}, 'received "seconds": did you mean watch_seconds'),
        ({"id": 3}, "expected id to be a text of 1 to 256 characters"),
        ({"time": None}, "expected id or time in an event, received none"),
        ({"request_id": ""}, "expected request_id to be a text of 1 to 256"),
        ({"split": "test"}, "expected keys of"),
        ({"kind": "user", "video_id": None, "time": None}, "expected id in an event"),
    ],
)
def test_a_malformed_event_is_refused_in_a_line(changed: Any, line: str) -> None:
    with pytest.raises(errors.UserError, match=line) as raised:
        read(WATCH | changed)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("given", [None, 3, "watch", [WATCH], True])
def test_only_objects_are_events(given: Any) -> None:
    with pytest.raises(errors.UserError, match="expected an event to be an object"):
        read(given)


VALUES = {
    "id": st.one_of(st.text(max_size=3), st.integers(-5, 5)),
    "time": st.integers(-3, 2 * faults.MOST_TIME),
    "integer": st.integers(-3, 3),
    "number": st.floats(width=64),
    "boolean": st.booleans(),
    "text": st.text(max_size=5),
}


@st.composite
def rows(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Returns a kind of events, and a row of its table in the table's types."""
    kind = draw(
        st.sampled_from(
            [posted_events.WATCH, posted_events.SEARCH, posted_events.IMPRESSION]
        )
    )
    columns = [
        column
        for column in table_schemas.TABLES[posted_events.TABLES[kind]].columns
        if column.name not in posted_events._NOT_POSTED
    ]
    row = {column.name: draw(VALUES[column.kind]) for column in columns}
    for column in columns:
        if column.kind == "id":
            row[column.name] = str(row[column.name])
    return kind, row


@settings(max_examples=300, deadline=None)
@given(rows())
def test_a_row_is_accepted_where_prepare_accepts_it(row: tuple[str, dict]) -> None:
    kind, columns = row
    frame = pl.DataFrame({name: [value] for name, value in columns.items()})
    possible = faults.find(posted_events.TABLES[kind], frame.schema, None)
    number = frame.select(faults.first_of(possible)).item() if possible else None
    # JSON has no NaN, and an id of a seed is no empty text.
    numbers = [v for v in columns.values() if isinstance(v, float)]
    is_json = all(abs(v) < float("inf") for v in numbers)
    is_json &= columns.get(schema.SEED_VIDEO_ID) != ""
    try:
        event = read({"kind": kind, "id": "e"} | columns)
    except errors.UserError:
        assert number is not None or not is_json
    else:
        assert number is None
        assert event.columns == {"kind": kind} | columns
        assert json.loads(event.body) == event.columns
