import dataclasses
import json
import math
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import refusals
from tests.bundle import conftest
from ytdnn.base import errors, schema
from ytdnn.bundle import requests, signatures, user_requests
from ytdnn.log import io_fields

TEXT_IDS = {
    field.name: field
    for field in (
        io_fields.Field("watched_video_ids", "string", "batch, length", "", ""),
        io_fields.Field("watch_times", "int64", "batch, length", 0, ""),
        io_fields.Field("time", "int64", "batch", 0, ""),
        io_fields.Field("age", "float32", "batch", -1.0, "years", 0.0, 150.0),
        io_fields.Field("gender", "string", "batch", "", ""),
        signatures.k_field(),
    )
}
INTEGER_IDS = TEXT_IDS | {
    "watched_video_ids": io_fields.Field(
        "watched_video_ids", "int64", "batch, length", -1, ""
    )
}
KEYS = "watched_video_ids, watch_times, time, age, gender, k"


def test_a_full_request_is_a_batch_of_one() -> None:
    request = {
        "watched_video_ids": ["a", "b"],
        "watch_times": [1, 2],
        "time": 3,
        "age": 30,
        "gender": "F",
        "k": 4,
    }
    values = requests.parse(request, TEXT_IDS)
    assert {name: value.tolist() for name, value in values.items()} == {
        "watched_video_ids": [["a", "b"]],
        "watch_times": [[1, 2]],
        "time": [3],
        "age": [30.0],
        "gender": ["F"],
        "k": [4],
    }
    assert values["age"].dtype == np.float32
    assert values["watch_times"].dtype == np.int64


@pytest.mark.parametrize("request_", [{}, dict.fromkeys(TEXT_IDS)])
def test_what_is_left_out_is_missing(request_: dict) -> None:
    values = requests.parse(request_, TEXT_IDS)
    assert {name: value.tolist() for name, value in values.items()} == {
        "watched_video_ids": [[]],
        "watch_times": [[]],
        "time": [0],
        "age": [-1.0],
        "gender": [""],
        "k": [requests.DEFAULT_K],
    }


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (
            {"watched_videos": ["a"]},
            f'expected request keys {KEYS}, received "watched_videos": did you mean '
            f"watched_video_ids?",
        ),
        ({"zzz": 1}, f'expected request keys {KEYS}, received "zzz"'),
        ({"k": {3}}, 'expected k of a request to be a value of JSON, received "{3}"'),
        (
            ["a"],
            'expected a request object such as {"watched_video_ids": […], "k": 10}, '
            'received ["a"]',
        ),
        (
            {"watched_video_ids": "a"},
            'expected a list in request key watched_video_ids, received "a"',
        ),
        (
            {"watched_video_ids": ["a", 7]},
            "expected a string in request key watched_video_ids, position 1, "
            "received 7",
        ),
        (
            {"watched_video_ids": ["a"], "watch_times": [1.5]},
            "expected an integer in request key watch_times, position 0, received 1.5",
        ),
        (
            {"watched_video_ids": ["a", "b"], "watch_times": [1]},
            "expected as many watch_times as watched_video_ids in the request, "
            "received 1 and 2 (0 marks a missing one)",
        ),
        ({"time": True}, "expected an integer in request key time, received true"),
        (
            {"time": 2**70},
            "expected a 64-bit integer in request key time, received "
            "1180591620717411303424",
        ),
        ({"time": [1]}, "expected an integer in request key time, received [1]"),
        (
            {"k": -1},
            "expected an integer of 0 to 2,147,483,647 in request key k, received -1",
        ),
        (
            {"age": -3},
            "expected years of 0 to 150 (-1: not known) in request key age, "
            "received -3",
        ),
        (
            {"age": math.nan},
            "expected years of 0 to 150 (-1: not known) in request key age, "
            "received NaN",
        ),
        ({"gender": 1}, "expected a string in request key gender, received 1"),
        (
            {"gender": ["x" * 99]},
            'expected a string in request key gender, received ["' + "x" * 57 + "…",
        ),
    ],
)
def test_a_malformed_request_gives_one_line(request_: dict, line: str) -> None:
    assert refusals.line(requests.parse, request_, TEXT_IDS) == line


PAIRS = {
    field.name: field
    for field in (
        io_fields.Field("watched_video_ids", "string", "batch, length", "", ""),
        io_fields.watched_seconds(),
        io_fields.Field("impression_video_ids", "string", "batch, length", "", ""),
        io_fields.Field("impression_clicked", "int32", "batch, length", -1, ""),
        io_fields.Field("conditions", "string", "batch, length", "", ""),
        io_fields.Field("condition_values", "string", "batch, length", "", ""),
        io_fields.Field("max_per_columns", "string", "batch, length", "", ""),
        io_fields.Field("max_per_counts", "int32", "batch, length", 0, "", least=1),
        io_fields.Field("weight_names", "string", "batch, length", "", ""),
        io_fields.Field("weight_values", "float32", "batch, length", 0.0, ""),
    )
}


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        (("conditions", []), ("condition_values", ["t1"]), "received 1 and 0$"),
        (("conditions", ["a in"]), ("condition_values", []), "received 0 and 1$"),
        (
            ("conditions", ["a in"]),
            ("condition_values", [""]),
            'received "" for "a in"',
        ),
        (("conditions", [""]), ("condition_values", ["t1"]), 'received "t1" for ""'),
        (("max_per_columns", ["a"]), ("max_per_counts", []), "received 0 and 1$"),
        (("max_per_columns", ["a"]), ("max_per_counts", [0]), 'received 0 for "a"'),
        (("max_per_columns", ["a", "a"]), ("max_per_counts", [1, 2]), '"a" twice'),
        (("weight_names", ["a"]), ("weight_values", []), "received 0 and 1$"),
        (("weight_names", []), ("weight_values", [2.0]), "received 1 and 0$"),
        (("weight_names", ["a", "a"]), ("weight_values", [1, 2]), '"a" twice'),
        (
            ("impression_video_ids", ["v1"]),
            ("impression_clicked", []),
            r"received 0 and 1 \(-1 marks a missing one\)$",
        ),
        (
            ("watched_video_ids", ["v1"]),
            ("watched_seconds", [3.0, 4.0]),
            r"received 2 and 1 \(-1.0 marks a missing one\)$",
        ),
        (
            ("watched_video_ids", ["v1"]),
            ("watched_seconds", [1e9]),
            "a number of 0 to 10,000,000 .* received 1000000000.0$",
        ),
    ],
)
def test_lists_that_belong_together_are_of_one_length(
    first: tuple, second: tuple, line: str
) -> None:
    with pytest.raises(errors.UserError, match=line):
        requests.values(dict([first, second]), PAIRS)


@pytest.mark.parametrize(
    "request_",
    [
        {"watched_video_ids": ["v1", "v2"], "watched_seconds": [-1.0]},
        {"watched_video_ids": ["v1"]},
        {"conditions": [""], "condition_values": []},
        {"conditions": ["a in", "a in", ""], "condition_values": ["x", "y", ""]},
        {"weight_names": ["a", ""], "weight_values": [0.0, 0.0]},
    ],
)
def test_lists_that_clients_fill_are_taken(request_: dict) -> None:
    found = requests.values(request_, PAIRS)
    assert {name: found[name] for name in request_} == request_
    assert list(requests.warnings_of(request_, PAIRS, ("v1", "v2"), {}, {})) == []


def test_integer_ids_may_be_their_text_and_no_other() -> None:
    values = requests.parse({"watched_video_ids": [5, "-1"]}, INTEGER_IDS)
    assert values["watched_video_ids"].tolist() == [[5, -1]]
    with pytest.raises(errors.UserError, match=r'an integer .* received "05"'):
        requests.parse({"watched_video_ids": ["05"]}, INTEGER_IDS)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b"[" * 100_000])
def test_a_file_that_is_no_json_gives_one_line(
    content: bytes, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(content)
    with pytest.raises(errors.UserError, match=r"JSON such as .*request\.json"):
        requests.read(path)
    with pytest.raises(errors.UserError, match="No such file"):
        requests.read(tmp_path / "none.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read(tmp_path: pathlib.Path, encoding: str) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"k": 3}), encoding)
    assert requests.read(path) == {"k": 3}


def test_operands_that_no_video_has_are_told() -> None:
    operands = {"topic": pl.Series(["t0", "t1"]), "price": pl.Series([0.5, 2.0])}
    given = {"topic in": ["t1", "nope", "t1\0"], "price not_in": ["2", "1e+30"]}
    pairs = [(key, value) for key, values in given.items() for value in values]
    request = {
        "conditions": [*(key for key, _ in pairs), "price at_most"],
        "condition_values": [*(value for _, value in pairs), "9"],
    }
    assert list(requests.warnings_of(request, PAIRS, (), {}, operands)) == [
        "2 of 3 values of 'topic in' are those of no video, as 'nope'",
        "1 of 2 values of 'price not_in' are those of no video, as '1e+30'",
    ]


def test_a_users_request_is_what_the_log_has(run: conftest.Run) -> None:
    request = user_requests.at_end(run.data, "u10", k=3)
    user = run.data.users[schema.USER_ID].index_of("u10")
    watches = slice(run.data.watches.offsets[user], run.data.watches.offsets[user + 1])
    ids = run.data.videos[schema.VIDEO_ID].to_list()
    indices = run.data.watches.videos[watches].tolist()
    expected = [ids[i - 1] if i else "<unknown>" for i in indices]
    assert request[schema.WATCHED_VIDEO_IDS] == expected
    assert request[schema.WATCH_TIMES] == run.data.watches.times[watches].tolist()
    assert request[schema.TIME] > max(run.data.impressions.times)
    count = int(np.sum(run.data.impressions.users == user))
    assert len(request[schema.IMPRESSION_VIDEO_IDS]) == count
    mine = run.data.impressions.users == user
    clicked = run.data.impressions.clicked[mine].astype(int).tolist()
    assert request[schema.IMPRESSION_CLICKED] == clicked
    assert (request[schema.AGE], request[schema.K]) == (30.0, 3)
    json.dumps(request, allow_nan=False)


def test_a_user_the_log_lacks_gives_one_line(run: conftest.Run) -> None:
    with pytest.raises(errors.UserError, match=r'of the 60 in .* received "u100": did'):
        user_requests.at_end(run.data, "u100")


def test_integer_ids_of_users_may_be_given_as_text(plain_run: conftest.Run) -> None:
    numbers = pl.Series(schema.USER_ID, np.arange(100, 160))
    users = plain_run.data.users.with_columns(numbers)
    data = plain_run.data.with_log(dataclasses.replace(plain_run.data.log, users=users))
    by_text = user_requests.at_end(data, "107")
    assert by_text == user_requests.at_end(data, 107)
    assert by_text != user_requests.at_end(data, "108")


def test_ids_of_integers_may_come_as_text() -> None:
    name = "watched_video_ids"
    field = {name: INTEGER_IDS[name]}
    found = requests.parse({name: ["9007199254740993", 7, "-1"]}, field)[name]
    np.testing.assert_array_equal(found, [[9007199254740993, 7, -1]])
    for text in ("007", "1.0", "", "x", "1e3", "9" * 25):
        with pytest.raises(errors.UserError, match=r"position 0"):
            requests.parse({name: [text]}, field)
