"""Units and forms of time: each gives the same seconds, and is said."""

import datetime
import pathlib

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import refusals
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import log_checks, sources

SECONDS = [1_700_000_000, 1_700_000_001, 1_700_086_400]
UTC = datetime.UTC
STAMPS = [datetime.datetime.fromtimestamp(t, UTC) for t in SECONDS]
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


def _read(directory: pathlib.Path, times: pl.Series) -> tuple[list[int], list[str]]:
    rows = {"user_id": ["a"] * len(times), "video_id": ["v"] * len(times)}
    frame = pl.DataFrame(rows).with_columns(times.alias("time"))
    frame.write_parquet(directory / "watches.parquet")
    log = sources.read(configs.DataConfig(source="log", dir=str(directory)))
    log, _ = log_checks.validate(log, "stop")
    found = log.tables["watches"].select("time").collect()["time"].to_list()
    return found, list(log.origin("watches").notes)


FORMS = {
    "seconds": (pl.Series(SECONDS), ""),
    "floats": (pl.Series([t + 0.75 for t in SECONDS]), ""),
    "text": (pl.Series([f" {t} " for t in SECONDS]), ""),
    "milliseconds": (pl.Series([t * 1000 + 999 for t in SECONDS]), "milliseconds"),
    "text of milliseconds": (pl.Series([f"{t}000" for t in SECONDS]), "milliseconds"),
    "microseconds": (pl.Series([t * 10**6 for t in SECONDS]), "microseconds"),
    "nanoseconds": (pl.Series([t * 10**9 for t in SECONDS]), "nanoseconds"),
    "datetimes": (pl.Series(STAMPS).dt.replace_time_zone(None), "no time zone"),
    "datetimes of a zone": (pl.Series(STAMPS).dt.convert_time_zone("Asia/Tokyo"), ""),
    "days, dots": (pl.Series([f"{t:%d.%m.%Y %H:%M:%S}" for t in STAMPS]), "no time"),
    "days, dashes": (pl.Series([f"{t:%d-%m-%Y %H:%M:%S}" for t in STAMPS]), "no time"),
    "days, slashes": (pl.Series([f"{t:%d/%m/%Y %H:%M:%S}" for t in STAMPS]), "no time"),
    "ISO, Z": (pl.Series([f"{t:%Y-%m-%dT%H:%M:%S}Z" for t in STAMPS]), ""),
    "ISO, offset": (pl.Series([t.astimezone(BERLIN).isoformat() for t in STAMPS]), ""),
    "ISO, bare": (pl.Series([f"{t:%Y-%m-%d %H:%M:%S.5}" for t in STAMPS]), "no time"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_seconds(tmp_path: pathlib.Path, form: str) -> None:
    times, said = FORMS[form]
    found, notes = _read(tmp_path, times)
    assert found == SECONDS
    assert [note.startswith(f"watches.time: {said}") for note in notes] == (
        [True] if said else []
    )


def test_a_date_is_midnight(tmp_path: pathlib.Path) -> None:
    day = 1_700_006_400  # 2023-11-15
    for times in (pl.Series(["2023-11-15"]), pl.Series([datetime.date(2023, 11, 15)])):
        assert _read(tmp_path, times)[0] == [day]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String])
def test_eight_digits_are_a_day(tmp_path: pathlib.Path, dtype: type) -> None:
    days = pl.Series([20231114, 20231114, 20231115]).cast(dtype)
    found, notes = _read(tmp_path, days)
    assert found == [1_699_920_000, 1_699_920_000, 1_700_006_400]
    assert notes == ["watches.time: days as 20241231, read as midnight UTC"]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["01/09/2024", "02/12/2024 10:00"], "dd/mm/yyyy or mm/dd/yyyy, no number"),
        (["01/31/2024", "02/12/2024"], "mm/dd/yyyy: write them as yyyy-mm-dd"),
        (["01/31/2024", "31/01/2024"], "mm/dd/yyyy"),
    ],
)
def test_slashes_that_may_be_months_first_are_refused(
    tmp_path: pathlib.Path, texts: list[str], found: str
) -> None:
    line = refusals.line(_read, tmp_path, pl.Series(texts))
    assert "expected dates as dd/mm/yyyy in watches.time (your" in line
    assert f"watches.parquet, found {found}" in line
    assert _read(tmp_path, pl.Series(["01/09/2024 00:04", "31/12/2024"]))[0] == [
        1_725_149_040,
        1_735_603_200,
    ]


def test_seconds_and_iso_text_may_be_mixed(tmp_path: pathlib.Path) -> None:
    times = pl.Series(["1700000000", "2023-11-14T22:13:21Z"])
    assert _read(tmp_path, times)[0] == SECONDS[:2]


def test_a_fixed_offset_of_parquet_is_read_in_utc(tmp_path: pathlib.Path) -> None:
    """As pandas writes a fixed offset; Polars cannot make such a column."""
    moments = pa.array(STAMPS, pa.timestamp("us", "+05:30"))
    ids = pa.array(["a"] * len(STAMPS))
    table = pa.table({"user_id": ids, "video_id": ids, "time": moments})
    pq.write_table(table, tmp_path / "watches.parquet")
    log = sources.read(configs.DataConfig(source="log", dir=str(tmp_path)))
    assert log.tables["watches"].select("time").collect()["time"].to_list() == SECONDS


def test_durations_may_be_hours_minutes_and_seconds(tmp_path: pathlib.Path) -> None:
    rows = pl.DataFrame(
        {"user_id": ["a"] * 4, "video_id": ["v"] * 4, "time": SECONDS[0]}
    )
    texts = pl.Series("watch_seconds", ["01:02:03", " 0:00:07.5", "12", None])
    rows.with_columns(texts).write_parquet(tmp_path / "watches.parquet")
    log = sources.read(configs.DataConfig(source="log", dir=str(tmp_path)))
    log_checks.validate(log, "stop")
    found = log.tables["watches"].select("watch_seconds").collect().to_series()
    assert found.to_list() == [3723.0, 7.5, 12.0, None]
    rows.with_columns(texts.replace("12", "1:75:00")).write_parquet(
        tmp_path / "watches.parquet"
    )
    wrong = sources.read(configs.DataConfig(source="log", dir=str(tmp_path)))
    with pytest.raises(errors.UserError, match="'1:75:00' in row 3"):
        log_checks.validate(wrong, "stop")
