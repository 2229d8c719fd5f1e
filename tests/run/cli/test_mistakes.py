"""Mistakes of newcomers that once ended badly: one line, or a log that is read."""

import pathlib
from collections.abc import Mapping

import pytest

from tests import small_log
from tests.run.cli import conftest

_WATCHES, _ROWS = small_log.WATCHES, small_log.WATCHES.splitlines(keepends=True)


def _cell(old: str, new: str, table: str = "watches") -> dict[str, str]:
    """Returns a log with one text of a table replaced once."""
    tables = {"users": small_log.PEOPLE, "videos": small_log.VIDEOS}
    tables["impressions"] = small_log.IMPRESSIONS
    text = ({"watches": _WATCHES} | tables)[table]
    assert old in text
    return {"watches.csv": _WATCHES, f"{table}.csv": text.replace(old, new, 1)}


def _csv(text: str | bytes, name: str = "watches.csv") -> dict[str, str | bytes]:
    return {name: text}


_TIME = "1700172800"  # of the third row
FILES: dict[str, tuple[Mapping[str, str | bytes], str]] = {
    "no file": ({}, "expected watches.parquet, .feather, .csv or .tsv (or .gz, .zst)"),
    "another name": (_csv(_WATCHES, "clicks.csv"), "name yours with --files="),
    "capitals": (_csv(_WATCHES, "watches.CSV"), "found watches.CSV"),
    "JSON": (_csv("[]", "watches.json"), "found .json: write the table"),
    "two formats": (
        _csv(_WATCHES) | _csv(b"", "watches.parquet"),
        "expected one format of watches",
    ),
    "empty": (_csv(""), "(empty CSV)"),
    "blank lines": (_csv("\n\n\n"), "(empty CSV)"),
    "a header only": (_csv(_ROWS[0]), "expected rows in watches, found none"),
    "no header": (_csv("".join(_ROWS[1:])), "is its first row no header?"),
    "parts of two separators": (
        _csv(_WATCHES, "watches/1.csv")
        | _csv(_WATCHES.replace(",", ";"), "watches/2.csv"),
        "comment lines above the header, found commas, semicolons and 0",
    ),
    "UTF-16": (_csv(_WATCHES.encode("utf-16")), "found binary data"),
    "Latin-1": (
        _csv(_WATCHES) | _csv(b"video_id,title\nv0,caf\xe9\n", "videos.csv"),
        "(invalid utf-8 sequence): export it as UTF-8",
    ),
    "a field too few": (_cell("u2,v2,", "u2,v2;"), "expected 3 fields in row 3"),
    "an open quote": (_cell("u2,", '"u2,'), "expected 3 fields in row 3"),
    "text as Parquet": (
        _csv(_WATCHES, "watches.parquet"),
        "expected a Parquet file in LOG/watches.parquet",
    ),
    "a Parquet file that is cut": (
        _csv(b"PAR1" + b"x" * 90, "watches.parquet"),
        "found the beginning of one",
    ),
    "a folder with another file": (
        _csv(_WATCHES, "watches/1.csv") | _csv("", "watches/README.md"),
        "found .md: take it out of LOG/watches, or write",
    ),
    "no videos": (
        _csv(_WATCHES) | _csv("video_id\n", "videos.csv"),
        "expected rows in videos, found none",
    ),
    "parts of other columns": (
        _csv(_WATCHES, "watches/1.csv") | _csv("a,b,c\n1,2,3\n", "watches/2.csv"),
        "write all parts with the same columns",
    ),
    "another name of a column": (
        _csv(_WATCHES.replace("time", "timestamp", 1)),
        "--columns=watches.time=timestamp",
    ),
    "blanks in the header": (
        _csv(_WATCHES.replace(",", ", ", 2)),
        "'--columns=watches.video_id= video_id,watches.time= time'",
    ),
    "milliseconds in one row": (
        _cell(_TIME, f"{_TIME}000"),
        "before the year 2100, found 1700172800000 in row 3",
    ),
    "a wrong date": (
        _cell(_TIME, "2024-13-01T00:00:00Z"),
        "expected watches.time to be a time",
    ),
    "no time": (_cell(_TIME, ""), "found null in row 3"),
    "an infinite time": (_cell(_TIME, "inf"), "found inf in row 3"),
    "a time below 0": (_cell(_TIME, "-1"), "of at least 0, found -1 in row 3"),
    "a null user": (_cell("u2,", ","), "watches.user_id to be an integer or string id"),
    "an age of 400": (_cell("22.0", "400", "users"), "at most 150, found 400.0"),
    "a negative duration": (_cell("62.0", "-1", "videos"), "of at least 0, found -1.0"),
    "a video twice": (_cell("v7,", "v6,", "videos"), "to be listed once, found 'v6'"),
    "clicked as maybe": (_cell("true", "?", "impressions"), "to be true or false"),
    "users that match none": (
        _csv(_WATCHES) | _csv("user_id,age\nx,3\n", "users.csv"),
        "to hold ids that watches has, found none among its 1",
    ),
    "ids of two types": (
        _csv(_WATCHES) | _csv("user_id,age\n1,3\n", "users.csv"),
        "found none among its 1 (as '1'; watches has 'u0')",
    ),
}


def _write(directory: pathlib.Path, files: Mapping[str, str | bytes]) -> pathlib.Path:
    log = directory / "LOG"
    log.mkdir()
    for name, content in files.items():
        (log / name).parent.mkdir(exist_ok=True)
        text = content.encode() if isinstance(content, str) else content
        (log / name).write_bytes(text)
    return log


@pytest.mark.parametrize("name", FILES)
def test_a_log_is_refused_in_one_line(
    name: str, cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    files, words = FILES[name]
    log = _write(tmp_path, files)
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'RUN'}")
    assert words in cli.error("prepare", *flags).replace(str(tmp_path / "LOG"), "LOG")
    assert not list(tmp_path.rglob(".*partial*"))


READ: dict[str, tuple[Mapping[str, str | bytes], str]] = {
    "milliseconds": (
        _csv(_WATCHES.replace("00\n", "00000\n")),
        "watches.time: milliseconds, read as such",
    ),
    "a byte-order mark": (_csv(b"\xef\xbb\xbf" + _WATCHES.encode()), ""),
    "Windows line ends": (_csv(_WATCHES.replace("\n", "\r\n")), ""),
    "pipes": (_csv(_WATCHES.replace(",", "|")), "pipes between the columns"),
    "blank lines": (_csv(_ROWS[0] + "\n" + "".join(_ROWS[1:]) + "\n\n"), ""),
    "a line break in an id": (_cell("u2,", '"u\n2",'), ""),
    "parts": (
        _csv("".join(_ROWS[:30]), "watches/1.csv")
        | _csv(_ROWS[0] + "".join(_ROWS[30:]), "watches/2.csv"),
        "",
    ),
    "a table of another name": (
        _csv(_WATCHES) | _csv(small_log.PEOPLE, "user.csv"),
        "files that no table is read from: user.csv",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_log_is_read(name: str, cli: conftest.Cli, tmp_path: pathlib.Path) -> None:
    files, note = READ[name]
    log = _write(tmp_path, files)
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'RUN'}")
    result = cli.ok("prepare", *flags)
    assert note in result.out


FLAGS = {
    "--where=time >": "a Polars SQL condition over the columns",
    "--where=time < 0": "expected rows in watches, found none",
    "--bad_rows=keep": "to be 'stop' or 'drop', received 'keep'",
    "--min_item_count=1.5": "to be a whole number, received '1.5'",
    "--min_item_count=99": "none of 72 left after data.min_item_count=99",
    "--config.data.test_fraction=nan": "to be less than 1, received 'nan'",
    "--config.data.test_fraction=0.9": "expected data.test_fraction + ",
    "--config.data.order_by=order": "use --protocol=leave_one_out",
    "--config.data.exposure=all": "only --source=kuairand has that setting",
    "--source=tables": "hand them to ytdnn.prepare(WORKDIR, tables=…)",
    "--files=watches": "expected --files as table=your_file",
    "--files=watch=a.csv": "did you mean watches?",
    "--files=watches=../x.csv": "expected ../x.csv in LOG",
    "--columns=watches.tme=time": "did you mean time?",
    "--columns=users.age=years": "expected a table users in LOG",
    "--config.evaluation.ks=": "to be 1 value or more",
    "--config.evaluation.ks=0": "config.evaluation.ks.0 to be greater than 0, rec",
    "--config.index=flat": "expected a single setting, received the group",
    "--config.strategy=gpu": "expected config.strategy to be 'none'",
    "--workdir=/proc/x": "could not use /proc/x: No such file or directory",
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_is_refused_in_one_line(
    flag: str, cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    log = _write(tmp_path, _csv(_WATCHES))
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'RUN'}")
    name = flag.partition("=")[0]
    others = [given for given in flags if given.partition("=")[0] != name]
    assert FLAGS[flag] in cli.error("prepare", *others, flag).replace(str(log), "LOG")
