"""Units of a user's columns: `ms / 1000`, ages `2024 - born`, local times `at + 3h`."""

import math
import re
from collections.abc import Collection, Mapping

import polars as pl

from ytdnn.base import errors, table_schemas

_SCALED = re.compile(r"(?P<own>.+?)\s*(?P<operator>[/*])\s*(?P<factor>\d+(\.\d+)?)\s*")
_TURNED = re.compile(r"(?P<factor>\d+(\.\d+)?)\s*(?P<operator>[-*])\s*(?P<own>.+?)\s*")
_SHIFTED = re.compile(r"(?P<own>.+?)\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})\s*h\s*")
_LEAST, _MOST = 0.03, 3.0  # likely median share of its duration that a video is watched
_UNIT = re.compile(r"\s*([/*<>=!]|[+-]\s*\d)")  # of any form, behind a column's name


def read(
    table: str, names: Mapping[str, str], columns: Collection[str], file: str
) -> tuple[dict[str, str], list[pl.Expr]]:
    """Returns names without their factors, and the values in the schema's units.

    A name that the file has as it is has none. Columns of numbers can have a factor,
    and times, which are of UTC, the hours to it.

    Args:
      table: Name of a schema table.
      names: The user's name by the schema's, such as {"watch_seconds": "ms / 1000"}.
      columns: Columns of the file.
      file: Path of the rows, for messages.

    Raises:
      errors.UserError: A column of the file is followed by no unit that is read.
    """
    unscaled, scaled = dict(names), []
    for column in table_schemas.TABLES[table].columns:
        given = names.get(column.name, "")
        match = _SCALED.fullmatch(given) or _TURNED.fullmatch(given)
        if given in columns:
            continue
        shifted = _SHIFTED.fullmatch(given) if column.kind == "time" else None
        if shifted and shifted["own"] in columns:
            unscaled[column.name] = shifted["own"]
            seconds = int(shifted["sign"] + shifted["hours"]) * 3_600
            scaled.append(pl.col(column.name) + seconds)
            continue
        own = match["own"].strip() if match else ""
        factor, value = float(match["factor"] if match else 0), pl.col(column.name)
        has_unit = any(
            given.startswith(name) and _UNIT.match(given, len(name)) for name in columns
        )
        is_read = column.kind == "number" and 0.0 < factor < math.inf
        if match and is_read and (own in columns or not has_unit):
            unscaled[column.name] = own
            results = {"/": value / factor, "*": value * factor, "-": factor - value}
            scaled.append(results[match["operator"]].alias(column.name))
        elif has_unit:
            raise errors.UserError(
                f"expected a unit as /N or *N, N a plain number above 0, received "
                f"{table}.{column.name}={given} for {file}: write N in digits, such as "
                f"/1000; times take hours, as + 3h, ids, texts and truth values nothing"
            )
    return unscaled, scaled


def likely_units(share: float, table: str) -> str:
    """Returns the pair of `--columns` that makes watch seconds fit the durations.

    Args:
      share: Median share of its duration that a video is watched for.
      table: Table of the watch seconds.

    Returns:
      Empty where the seconds fit as they are.
    """
    if _LEAST <= share <= _MOST:
        return ""
    seconds, durations = f"{table}.watch_seconds", "videos.duration_seconds"
    factors = {
        f"{seconds}=YOUR_COLUMN*60": 60.0,
        f"{seconds}=YOUR_COLUMN*3600": 3_600.0,
        f"{seconds}=YOUR_COLUMN/1000": 0.001,
        f"{durations}=YOUR_COLUMN*60": 1 / 60,
        f"{durations}=YOUR_COLUMN/1000": 1_000.0,
    }
    return min(factors, key=lambda f: abs(math.log(max(share, 1e-9) * factors[f] * 2)))
