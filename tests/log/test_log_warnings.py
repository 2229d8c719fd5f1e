"""Notes on logs that are legal and look like a mistake."""

import pathlib

import polars as pl
import pytest

import ytdnn
from ytdnn import configs
from ytdnn.log import log_warnings, new_watches, prepare

HOURS = [1_700_000_000 + 3_600 * hour for hour in range(100)]


def _of(times: list[int]) -> list[str]:
    return log_warnings.from_watches(pl.LazyFrame({"time": times}))


def test_a_log_of_days_in_this_century_has_no_note() -> None:
    assert _of(HOURS) == []


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1_700_000_000 + 60 * minute for minute in range(100)], "1.6 hours"),
        ([19_000 + day for day in range(100)], "before the year 2000"),
        ([*HOURS * 9, 4_070_908_800], "2099-01-01, 98% of them between 2023-11-14"),
        ([0, *HOURS * 9], "lie between 1970-01-01 and"),
    ],
)
def test_a_log_that_looks_wrong_is_noted(times: list[int], words: str) -> None:
    (note,) = _of(times)
    assert words in note


def test_counters_that_count_nothing_are_noted() -> None:
    for settings in ({"counters_from": "2050-01-01"}, {"counters_delay_seconds": 1e9}):
        config = configs.DataConfig(**settings)
        notes = log_warnings.from_watches(pl.LazyFrame({"time": HOURS}), config)
        assert notes[0].startswith("note: counters count no watch")


def test_ids_that_look_wrong_are_named() -> None:
    ids = ["u1", "NULL", " u2", "'u3'", "nan", "null island"]
    (note,) = log_warnings.odd_ids(pl.Series("user_id", ids))
    assert note.startswith(
        "note: 4 user_ids look wrong, such as 'NULL', ' u2', \"'u3'\", and are read"
    )
    (note,) = log_warnings.odd_ids(pl.Series("user_id", ["1e+17", "12.0", "1e3x"]))
    assert "note: 1 user_ids look wrong, such as '1e+17'" in note
    hidden = ["\u200bu1", "u\u200b2", "\xa0u3", "u4\ufeff", "na\u200dme", "a\0b"]
    (note,) = log_warnings.odd_ids(pl.Series("user_id", hidden))
    assert note.startswith(r"note: 5 user_ids look wrong, such as '\u200bu1'")
    (note,) = log_warnings.odd_ids(pl.Series("user_id", ["\xe9", "e\u0301", "\xe8"]))
    assert note.startswith("note: 1 user_ids are in two Unicode forms, such as '\xe9'")
    assert log_warnings.odd_ids(pl.Series("user_id", ["u1", "null island"])) == []
    assert log_warnings.odd_ids(pl.Series("user_id", [1, 2])) == []


def _prepared(directory: pathlib.Path, hours: float, factor: float) -> list[str]:
    """Returns the notes on a log with a watch some hours after each click."""
    number = 300
    times = [1_700_000_000 + 9_000 * i for i in range(number)]
    ids = {"user_id": [i % 30 for i in range(number)], "video_id": range(number)}
    later = [t + 7 + int(3_600 * hours) for t in times]
    tables = {
        "watches": ids | {"time": later, "dauer_min": [60 * factor] * number},
        "impressions": ids
        | {"time": times, "clicked": [i % 9 > 0 for i in range(number)]},
        "videos": {"video_id": range(number), "duration_seconds": [90.0] * number},
    }
    for name, table in tables.items():
        pl.DataFrame(table).write_parquet(directory / f"{name}.parquet")
    columns = ("watches.watch_seconds=dauer_min",)
    config = configs.DataConfig(source="log", dir=str(directory), columns=columns)
    facts = prepare.prepare(config, directory / "data").manifest.facts
    return [*facts["warnings"], *facts["notes"]["watches"]]


@pytest.mark.parametrize(
    ("hours", "words", "shift"),
    [(0, "", ""), (-5, "5 hours behind", "+5h"), (1, "1 hour ahead of", "-1h")],
)
def test_clicks_and_watches_that_are_hours_apart_are_noted(
    tmp_path: pathlib.Path, hours: int, words: str, shift: str
) -> None:
    notes = [
        line for line in _prepared(tmp_path, hours, 1) if "impressions.time" in line
    ]
    assert len(notes) == bool(words)
    assert all(
        f"watches.time seems {words} impressions.time, in 100%" in n for n in notes
    )
    assert all(f"watches.time=YOUR_COLUMN {shift}'" in note for note in notes)


@pytest.mark.parametrize(
    ("factor", "flag"),
    [
        (1 / 60, "watches.watch_seconds=YOUR_COLUMN*60"),
        (1_000, "watches.watch_seconds=YOUR_COLUMN/1000"),
        (60, "videos.duration_seconds=YOUR_COLUMN*60"),
    ],
)
def test_seconds_of_another_unit_are_noted(
    tmp_path: pathlib.Path, factor: float, flag: str
) -> None:
    notes = _prepared(tmp_path, 0, factor)
    assert any(f"of one unit, probably --columns={flag}?" in line for line in notes)
    assert "watches.watch_seconds: read as seconds, is it dauer_min*60?" in notes


def test_labels_and_lengths_that_are_none_are_noted(tmp_path: pathlib.Path) -> None:
    events = {"user_id": 1, "video_id": 7, "time": HOURS, "watch_seconds": range(100)}
    videos = {"video_id": [7], "duration_seconds": [0.0]}
    tables = {"watches": pl.DataFrame(events), "videos": pl.DataFrame(videos)}
    config = configs.Config(data=configs.DataConfig(min_watch_seconds=60))
    notes = ytdnn.prepare(tmp_path, config, tables=tables).manifest.facts["warnings"]
    assert any("60 of 100 watches are not completed, and no" in n for n in notes)
    assert any("1 of 1 videos have a duration of 0" in n for n in notes)
    config = configs.Config(data=configs.DataConfig(min_watch_seconds=1e9))
    with pytest.raises(ytdnn.UserError, match="expected completed watches to train"):
        ytdnn.prepare(tmp_path, config, tables=tables)


def test_watches_before_the_upload_and_seconds_without_a_click_are_noted(
    tmp_path: pathlib.Path,
) -> None:
    events = {"user_id": [i % 30 for i in range(300)], "video_id": [7] * 300}
    events["time"] = HOURS * 3
    shown = {"clicked": [i % 2 for i in range(300)], "watch_seconds": [9] * 300}
    for upload, name in ((HOURS[50], "early"), (HOURS[20], "late")):
        log = tmp_path / name
        log.mkdir()
        videos = {"video_id": [7], "upload_time": [upload]}
        tables = {"watches": events, "impressions": events | shown, "videos": videos}
        for table, columns in tables.items():
            pl.DataFrame(columns).write_parquet(log / f"{table}.parquet")
        config = configs.DataConfig(source="log", dir=str(log))
        notes = prepare.prepare(config, log / "data").manifest.facts["warnings"]
        early = any("78 of 300 watches are over a day before" in n for n in notes)
        assert early == (name == "early")
        assert any(n.startswith("note: 150 of 150 impressions without") for n in notes)


@pytest.mark.parametrize(("age", "times"), [(0, 1), (30, 10)])
def test_columns_of_one_value_are_noted(age: int, times: int) -> None:
    columns = {"user_id": [1, 2], "age": [age, None], "tall": [0.0, 1.0]}
    frame = pl.DataFrame({name: each * times for name, each in columns.items()})
    (note,) = log_warnings.single_values("users", frame)
    assert note.startswith(f"note: users.age: every value is {age}, from which nothing")
    assert list(log_warnings.single_values("users", frame[: 2 * times - 2])) == []


EVERY = range(300)
TWICE = {
    "user_id": [f"u{i // 2 % 30}" for i in EVERY],
    "video_id": [i // 2 for i in EVERY],
    "time": [HOURS[i // 2 % 100] for i in EVERY],
}
ODD = {
    "": ("watches", {}),
    "33% of the watches are of user 'anonymous'": (
        "watches",
        {"user_id": [f"u{i % 30}" if i % 3 else "anonymous" for i in EVERY]},
    ),
    "note: 150 watches have user, video and second of another": ("watches", TWICE),
    "note: 5 impressions have user, video and second of another": (
        "impressions",
        TWICE | {"watch_seconds": 0.0, "clicked": [i % 2 > 0 or i > 9 for i in EVERY]},
    ),
    "watches.watch_seconds: every value is 30,": ("watches", {"watch_seconds": 30.0}),
    "each page_id is of several users": ("impressions", {"page_id": "p"}),
    "each page_id is of a single impression": ("impressions", {"page_id": EVERY}),
    "impressions.propensity: every value is 0": ("impressions", {"propensity": 0.0}),
    "impressions.position: every value is 0": ("impressions", {"position": 0}),
    "impressions.watch_seconds are 55.": ("impressions", {"watch_seconds": 5e3}),
    "probably --columns=videos.duration_seconds=YOUR_COLUMN/1000": (
        "videos",
        {"duration_seconds": [9e4] * 300},
    ),
    "genres: no video has several values": ("videos", {"genres": [["a, b"]] * 300}),
    "100% of the impressions lie before the first": ("impressions", {"time": EVERY}),
}


@pytest.mark.parametrize("words", ODD)
def test_values_that_look_wrong_are_noted(tmp_path: pathlib.Path, words: str) -> None:
    own = {"user_id": [f"u{i % 30}" for i in EVERY], "video_id": EVERY}
    own |= {"time": HOURS * 3, "watch_seconds": [40.0 + i % 9 for i in EVERY]}
    shown = {"page_id": [i % 150 for i in EVERY], "clicked": [i < 290 for i in EVERY]}
    shown |= {"propensity": 0.5, "watch_seconds": [40.0 * (i < 290) for i in EVERY]}
    videos = {"video_id": EVERY, "duration_seconds": [90.0 + i % 2 for i in EVERY]}
    tables = {"watches": own, "impressions": own | shown, "videos": videos}
    name, changed = ODD[words]
    tables[name] |= changed
    frames = {each: pl.DataFrame(columns) for each, columns in tables.items()}
    notes = ytdnn.prepare(tmp_path, tables=frames).manifest.facts["warnings"]
    assert any(words in note for note in notes) == bool(words), notes


@pytest.mark.parametrize(
    ("user", "shift", "words"),
    [
        ("u0", 400 * 3_600, ""),
        (
            "u0",
            9_000 * 3_600,
            "begin on 2024-11-23, over a year after the run's end",
        ),
        ("7", 400 * 3_600, "all 10 users of the new watches are new, as '7"),
        ("u0", -400 * 3_600, "expected completed watches from 2023-11-19 01:13 on"),
    ],
)
def test_new_watches_that_look_wrong_are_noted(
    tmp_path: pathlib.Path, user: str, shift: int, words: str
) -> None:
    def watches(first: str, moved: int) -> pl.DataFrame:
        ids = [f"{first}{hour % 10}" for hour in range(100)]
        times = [time + moved for time in HOURS]
        return pl.DataFrame({"user_id": ids, "video_id": "v", "time": times})

    given = watches(user, shift)
    both = pl.concat([watches("u0", 0), given])
    sets = [
        ytdnn.prepare(tmp_path / name, tables={"watches": frame})
        for name, frame in (("old", watches("u0", 0)), ("grown", both))
    ]
    begins = sets[0].windows.end_of_log + 1
    try:
        notes = list(new_watches.warnings(*sets, given.lazy(), begins))
    except ytdnn.UserError as error:
        notes = [str(error)]
    assert len(notes) == bool(words)
    assert words in "".join(notes)
