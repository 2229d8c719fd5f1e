"""Times of a user's column as seconds since 1970, in UTC.

A column may have seconds, milliseconds, microseconds or nanoseconds, dates, datetimes
of any zone, days as 20241231, or ISO 8601 text, also with dates as 31.12.2024,
31-12-2024 or 31/12/2024; those with slashes only where the values tell days from
months. The unit of numbers is that of most of them, by their size, and is reported; a
number of another unit is a bad row. Watches without times are in the order of the rows,
unless that is the order of the videos' ids.
"""

import dataclasses

import polars as pl

from ytdnn.base import schema
from ytdnn.log import raw_log

TEXT = (pl.String, pl.Categorical, pl.Enum)
_LEAST = 1e11  # of milliseconds: 1973; in seconds it is the year 5138
_UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_ISO = (
    r"^\s*(?P<day>\d{4}-\d{2}-\d{2})(?:[Tt ](?P<clock>\d{2}:\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?)?\s*$"
)

_DAY_FIRST = r"^\s*(\d{2})[./-](\d{2})[./-](\d{4})"
_SLASHES = r"^\s*(\d{1,2})/(\d{1,2})/\d{4}"
_MONTHS = 12
_DIGITS = r"^\s*(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\s*$"  # 20241231
_DAYS = -1  # in place of a unit of seconds
_MOST_OTHERS = 0.1  # of such a column
# Rows looked at; of steps from one to the next: least number, share to no smaller id.
_SAMPLE, _LEAST_STEPS, _SORTED = 100_000, 200, 0.999
_CLOCK = r"^\s*(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)\s*$"


@dataclasses.dataclass(frozen=True)
class Reading:
    """The unit of a column of times.

    Attributes:
      unit: Index into seconds, milliseconds, microseconds and nanoseconds; -1: days as
        20241231.
      note: Note to the user, empty if there is none.
      slashes: What dates with slashes can be besides dd/mm/yyyy; empty: nothing.
    """

    unit: int = 0
    note: str = ""
    slashes: str = ""


def reading(frame: pl.LazyFrame, column: str, dtype: pl.DataType) -> Reading:
    """Returns the unit of a column of times, found in one streaming pass.

    Args:
      frame: The rows.
      column: Name of the column.
      dtype: Type of the column.
    """
    if isinstance(dtype, pl.Datetime):
        return Reading(note="" if dtype.time_zone else "no time zone, read as UTC")
    if dtype == pl.Date:
        return Reading(note="dates without a time of day, read as midnight UTC")
    if not (dtype.is_numeric() or dtype in TEXT):
        return Reading()
    size = finite(pl.col(column), dtype).abs()
    counts = [
        _is_of_unit(size, unit).sum().alias(name) for unit, name in enumerate(_UNITS)
    ]
    is_day = pl.col(column).cast(pl.String).str.contains(_DIGITS)
    if dtype.is_integer() or dtype in TEXT:
        counts += [is_day.sum().alias("days"), is_day.count().alias("known")]
    if dtype in TEXT:
        is_iso = _iso(pl.col(column)).is_not_null()
        zone = r"\d{2}:\d{2}.*([Zz]|[+-]\d{2}:?\d*)\s*$"
        has_zone = pl.col(column).cast(pl.String).str.contains(zone)
        counts.append((is_iso & ~has_zone).sum().alias("zoneless"))
        for group, name in enumerate(("day", "month"), 1):
            part = pl.col(column).cast(pl.String).str.extract(_SLASHES, group)
            counts.append(part.cast(pl.Int64).max().alias(name))
    numbers = frame.select(counts).collect(engine="streaming").row(0, named=True)
    if numbers.get("days", 0) > (1 - _MOST_OTHERS) * numbers.get("known", 0):
        return Reading(_DAYS, "days as 20241231, read as midnight UTC")
    unit = max(range(len(_UNITS)), key=lambda place: numbers[_UNITS[place]])
    if unit and numbers[_UNITS[unit]]:
        return Reading(unit, f"{_UNITS[unit]}, read as such")
    note = "no time zone, read as UTC" if numbers.get("zoneless") else ""
    slashes = _slashes(numbers.get("day") or 0, numbers.get("month") or 0)
    return Reading(note=note, slashes=slashes)


def _slashes(first: int, second: int) -> str:
    """Returns the form of dates with slashes, by the highest of each; or empty."""
    if not first or first > _MONTHS >= second:
        return ""
    unsure = "dd/mm/yyyy or mm/dd/yyyy, no number above 12 tells which"
    return "mm/dd/yyyy" if second > _MONTHS else unsure


def seconds(value: pl.Expr, dtype: pl.DataType, unit: int = 0) -> pl.Expr | None:
    """Returns whole seconds, rounded down; null for a missing time.

    Args:
      value: The column.
      dtype: Type of the column.
      unit: Unit of its numbers, as in `Reading`.
    """
    if dtype in (pl.Datetime, pl.Date):
        return value.dt.epoch("s").cast(pl.Int64)
    if not (dtype.is_numeric() or dtype in TEXT):
        return None
    if unit == _DAYS:
        text = value.cast(pl.String).str.strip_chars()
        return text.str.to_date("%Y%m%d", strict=False).dt.epoch("s").cast(pl.Int64)
    if dtype.is_integer() and not unit:
        return value.cast(pl.Int64, strict=False)
    number = finite(value, dtype)
    if unit:
        number = pl.when(_is_of_unit(number.abs(), unit)).then(number)
    whole = (number / 1000.0**unit).floor().cast(pl.Int64, strict=False)
    return pl.coalesce(whole, _iso(value)) if dtype in TEXT else whole


def finite(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Returns a column of numbers, or of text, as finite numbers; null for others."""
    if dtype in TEXT:
        value = value.cast(pl.String).str.strip_chars()
    number = value.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def clock(value: pl.Expr) -> pl.Expr:
    """Returns the seconds of durations in text, as 01:02:03; null for others."""
    text = value.cast(pl.String)
    hours, minutes, rest = (
        text.str.extract(_CLOCK, group).cast(pl.Float64) for group in (1, 2, 3)
    )
    return hours * 3600 + minutes * 60 + rest


def _is_of_unit(size: pl.Expr, unit: int) -> pl.Expr:
    least = _LEAST * 1000.0 ** (unit - 1) if unit else 0.0
    return (size >= least) & (size < _LEAST * 1000.0**unit)


def _iso(value: pl.Expr) -> pl.Expr:
    """Returns the seconds of ISO 8601 text, in UTC where it names no zone."""
    text = value.cast(pl.String).str.replace(_DAY_FIRST, "$3-$2-$1")
    parts = text.str.extract_groups(_ISO)

    def part(name: str, missing: str) -> pl.Expr:
        return parts.struct.field(name).fill_null(missing)

    clock = part("clock", "00:00") + ":" + part("second", "00")
    local = parts.struct.field("day") + " " + clock
    moment = local.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    hours, minutes = (part(name, "0").cast(pl.Int64) for name in ("hours", "minutes"))
    offset = hours * 3600 + minutes * 60
    offset = pl.when(part("sign", "+") == "-").then(-offset).otherwise(offset)
    return moment.dt.epoch("s").cast(pl.Int64) - offset


def from_row_order(rows: pl.LazyFrame) -> tuple[pl.Expr, list[str]]:
    """Returns times of watches that have none but their order in the file, and notes.

    Rows of each user in the order of the videos' ids, as in files of public splits, are
    in no order of time: they get a random one, the same in each run.

    Args:
      rows: Watches in columns of the schema, with `raw_log.ROW`.
    """
    video = pl.col(schema.VIDEO_ID)
    by = {schema.USER_ID, schema.SPLIT} & set(rows.collect_schema())
    ids = rows.select(*by, video).head(_SAMPLE).collect()
    if not ids.select(video.cast(pl.Int64, strict=False).is_null().any()).item():
        ids = ids.cast({schema.VIDEO_ID: pl.Int64})  # texts of numbers
    steps = ids.select((video >= video.shift()).over(by)).to_series().drop_nulls()
    row = pl.col(raw_log.ROW)
    if len(steps) < _LEAST_STEPS or steps.to_numpy().mean() < _SORTED:
        return row.cast(pl.Int64), []
    shuffled = (row.hash(0) % raw_log.num_rows(rows)).cast(pl.Int64)
    said = "watches: the rows of each user are in order of video_id, not of time"
    return shuffled, [f"{said}: read in a random order"]
