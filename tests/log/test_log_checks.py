"""Each kind of bad input: its exact line, and what `drop` does with it."""

import contextlib
import errno
import pathlib
import random

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import random_input, refusals
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import log_checks, raw_log, sources

DROP = ": mend it, or leave such rows out with --bad_rows=drop"
WITHOUT = ": mend it, or leave the column out"
FLAGS = "true or false (1, 0, yes, no, Y, N, t, f, or ja, oui, si, sim, tak …)"
GOOD = "user_id,video_id,time\na,1,10\nb,2,20\n"
WITH_SECONDS = "user_id,video_id,time,watch_seconds\na,1,10,5\n"

# Files, column at fault, what was expected, what was found, where, the reason counted.
BAD_ROWS = {
    "null video": (
        {"watches.csv": GOOD + "c,,30\n"},
        "expected watches.video_id to be an integer or string id, found null in row 3 "
        "of {dir}/watches.csv",
        "watches.video_id is null",
    ),
    "empty user": (
        {"watches.csv": GOOD + '"",3,30\n'},
        "expected watches.user_id to be an integer or string id, not empty, found '' "
        "in row 3 of {dir}/watches.csv",
        "watches.user_id is empty",
    ),
    "null time": (
        {"watches.csv": GOOD + "c,3,\n"},
        "expected watches.time to be a time (seconds since 1970, ISO text, "
        "dd.mm.yyyy, dd-mm-yyyy, dd/mm/yyyy), found null in row 3 of {dir}/watches.csv",
        "watches.time is null",
    ),
    "not a time": (
        {"watches.csv": GOOD + "c,3,tomorrow\n"},
        "expected watches.time to be a time (seconds since 1970, ISO text, "
        "dd.mm.yyyy, dd-mm-yyyy, dd/mm/yyyy), found 'tomorrow' in row 3 "
        "of {dir}/watches.csv",
        "watches.time is not a time",
    ),
    "milliseconds": (
        {"watches.csv": GOOD + "c,3,1704067200000\n"},
        "expected watches.time to be a time (seconds since 1970, ISO text, "
        "dd.mm.yyyy, dd-mm-yyyy, dd/mm/yyyy), before the year 2100, "
        "found 1704067200000 in row 3 of {dir}/watches.csv",
        "watches.time is beyond the year 2100",
    ),
    "negative watch time": (
        {"watches.csv": WITH_SECONDS + "b,2,20,-3\n"},
        "expected watches.watch_seconds to be a number of at least 0, found -3.0 in "
        "row 2 of {dir}/watches.csv",
        "watches.watch_seconds is below 0",
    ),
    "wrong type": (
        {"watches.csv": WITH_SECONDS + "b,2,20,long\n"},
        "expected watches.watch_seconds to be a number, found 'long' in row 2 of "
        "{dir}/watches.csv",
        "watches.watch_seconds is not a number",
    ),
    "not a boolean": (
        {
            "watches.csv": GOOD,
            "impressions.csv": "user_id,video_id,time,clicked\na,1,9,1\nb,1,9,2\n",
        },
        f"expected impressions.clicked to be {FLAGS}, found 2 in row 2 of "
        "{dir}/impressions.csv (values: 1, 2)",
        "impressions.clicked is not true or false",
    ),
    "duplicate video": (
        {"watches.csv": GOOD, "videos.csv": "video_id,title\n1,x\n2,y\n1,z\n"},
        "expected videos.video_id to be listed once, found 1 in row 3 of "
        "{dir}/videos.csv",
        "videos.video_id is a duplicate",
    ),
    "unlisted video": (
        {"watches.csv": GOOD + "c,9,30\n", "videos.csv": "video_id\n1\n2\n"},
        "expected watches.video_id to be a video that videos lists, found 9 in row 3 "
        "of {dir}/watches.csv",
        "watches.video_id is not in videos",
    ),
}


def test_a_file_without_permission_is_not_called_damaged():
    with (
        pytest.raises(errors.UserError) as caught,
        raw_log.readable("logs/watches.csv"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "logs/watches.csv")
    assert str(caught.value) == (
        "expected a readable file in logs/watches.csv, could not read it: Permission "
        "denied: repair it, or give another"
    )


def _write(directory: pathlib.Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (directory / name).write_text(content)


def _validate(
    directory: pathlib.Path, bad_rows: str, **config: object
) -> tuple[raw_log.EventLog, dict[str, int]]:
    log = sources.read(configs.DataConfig(source="log", dir=str(directory), **config))
    return log_checks.validate(log, bad_rows)


def _line(directory: pathlib.Path, **config: object) -> str:
    return refusals.line(_validate, directory, "stop", **config)


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_stop_names_table_column_row_and_value(tmp_path, kind):
    files, expected, reason = BAD_ROWS[kind]
    _write(tmp_path, files)
    column = reason.split()[0].partition(".")[2]
    advice = WITHOUT if "watch_seconds" in column else DROP
    if reason.endswith("null"):
        advice += f' or where = "{column} is not null" in columns.toml'
    assert _line(tmp_path) == expected.format(dir=tmp_path) + advice


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_drop_counts_the_reason_and_keeps_the_rest(tmp_path, kind):
    files, _, reason = BAD_ROWS[kind]
    _write(tmp_path, files)
    log, report = _validate(tmp_path, "drop")
    table = reason.partition(".")[0]
    given = files[f"{table}.csv"].strip().count("\n")
    assert report == {reason: 1}
    assert log.tables[table].collect().height == given - 1 == log.facts["rows"][table]
    assert log_checks.validate(log, "stop")[1] == {}


def test_error_is_of_the_earliest_row_and_says_how_many_there_are(tmp_path):
    _write(tmp_path, {"watches.csv": GOOD + "c,3,-\n,4,40\nd,,x\n"})
    line = _line(tmp_path)
    assert "found '-' in row 3 of" in line
    assert "(3 bad rows in all)" in line


def test_row_with_two_faults_counts_for_its_first(tmp_path):
    _write(tmp_path, {"watches.csv": GOOD + ",,30\n,3,x\nc,3,30\n"})
    log, report = _validate(tmp_path, "drop")
    assert report == {"watches.user_id is null": 2}
    assert log.tables["watches"].collect().height == 3


def test_error_names_the_users_own_column(tmp_path):
    _write(tmp_path, {"watches.csv": "user_id,item,time\na,1,10\nb,,20\n"})
    line = _line(tmp_path, columns=("watches.video_id=item",))
    assert line.startswith("expected watches.video_id (your item) to be an integer or")


def test_exact_duplicates_are_counted_and_kept(tmp_path):
    _write(tmp_path, {"watches.csv": GOOD + "a,1,10\na,1,10\n"})
    log, report = _validate(tmp_path, "stop")
    assert report == {"watches: exact duplicates (kept)": 2}
    assert log.tables["watches"].collect().height == 4


def test_events_of_a_dropped_video_go_with_it(tmp_path):
    videos = "video_id,duration_seconds\n1,60\n2,-1\n"
    _write(tmp_path, {"watches.csv": GOOD, "videos.csv": videos})
    log, report = _validate(tmp_path, "drop")
    assert report == {
        "videos.duration_seconds is below 0": 1,
        "watches.video_id is not in videos": 1,
    }
    assert log.tables["watches"].collect()["video_id"].to_list() == [1]


def test_nan_is_a_missing_value(tmp_path):
    pl.DataFrame(
        {"user_id": [1.0, 2.0], "video_id": [1, 2], "time": [1.5, float("nan")]}
    ).write_parquet(tmp_path / "watches.parquet")
    log, report = _validate(tmp_path, "drop")
    assert report == {"watches.time is null": 1}
    assert log.tables["watches"].collect().rows() == [(1, 1, 1)]


def test_all_rows_bad_is_an_error_that_lists_the_reasons(tmp_path):
    _write(tmp_path, {"watches.csv": "user_id,video_id,time\na,1,x\nb,2,y\n"})
    assert refusals.line(_validate, tmp_path, "drop") == (
        f"expected rows in watches, found none in {tmp_path}/watches.csv after "
        f"dropping (watches.time is not a time: 2): check the "
        f"file, --where and --columns"
    )


def test_ids_of_two_types_are_compared_as_strings(tmp_path):
    _write(tmp_path, {"watches.csv": GOOD, "videos.csv": "video_id\nx\n1\n2\n"})
    config = configs.DataConfig(source="log", dir=str(tmp_path))
    log, _ = log_checks.validate(sources.read(config), "stop")
    assert set(log.tables["watches"].collect()["video_id"]) == {"1", "2"}
    (note,) = log.origin("watches").notes
    assert note == (
        f"video_id: integers in watches.video_id in {tmp_path}/watches.csv, strings in "
        f"videos.video_id in {tmp_path}/videos.csv, compared as strings"
    )


def test_wrong_column_type_is_refused_even_with_drop(tmp_path):
    frame = pl.DataFrame({"user_id": [1], "video_id": [1], "time": [[1, 2]]})
    frame.write_parquet(tmp_path / "watches.parquet")
    assert refusals.line(_validate, tmp_path, "drop") == (
        f"expected watches.time (time of {tmp_path}/watches.parquet) to hold a time "
        f"(seconds since 1970, ISO text, dd.mm.yyyy, dd-mm-yyyy, dd/mm/yyyy), found a "
        f"column of type List(Int64): give each row one value"
    )


@random_input.examples(60)
@given(st.binary(max_size=300), st.sampled_from(["csv", "csv.gz", "parquet", "pq"]))
@example(b"\x1f\x8b", "csv")  # begins as gzip does
@example(b"\r\x01", "csv")
@example(b"user_id,video_id,time\ra,1,9\r", "csv.gz")  # as old Macs ended lines
def test_random_bytes_give_one_line(tmp_path, content, end):
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / f"watches.{end}").write_bytes(content)
    assert _line(tmp_path).startswith("expected ")


@random_input.examples(60)
@given(st.text(alphabet='ab1,-."\n\réu', max_size=80))
def test_garbage_rows_under_a_good_header_leave_good_ones_or_a_user_error(
    tmp_path, rows
):
    (tmp_path / "watches.csv").write_bytes(f"user_id,video_id,time\n{rows}".encode())
    with contextlib.suppress(errors.UserError):
        log, _ = _validate(tmp_path, "drop")
        assert log.tables["watches"].collect().null_count().row(0) == (0, 0, 0)


def _parquet(path: pathlib.Path) -> bytes:
    ids = list(range(20_000))
    columns = {"user_id": ids, "video_id": ids, "time": ids}
    texts = {"device": [f"device {i}" for i in ids]}
    pl.DataFrame({**columns, **texts}).write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_parquet_gives_one_line(tmp_path, share):
    path = tmp_path / "watches.parquet"
    content = _parquet(path)
    path.write_bytes(content[: int(len(content) * share)])
    found = "the beginning of one" if share else "0 other bytes"
    assert _line(tmp_path) == (
        f"expected a Parquet file in {path}, found {found}: export it again, or name "
        f"it .csv if it is text"
    )


def test_parquet_damaged_in_the_middle_gives_one_line(tmp_path):
    path = tmp_path / "watches.parquet"
    content = bytearray(_parquet(path))
    start, stop = 100, len(content) // 2
    content[start:stop] = random.Random(0).randbytes(stop - start)
    path.write_bytes(content)
    assert _line(tmp_path).startswith(f"expected a readable table in {path}, found a")
