"""Units of the user's columns of numbers: `--columns=watches.watch_seconds=ms/1000`."""

import dataclasses
import re
from collections.abc import Collection, Mapping

import polars as pl

from ytdnn.base import table_schemas

_SCALED = re.compile(r"(?P<own>.+?)\s*(?P<operator>[/*])\s*(?P<factor>\d+(\.\d+)?)\s*")


@dataclasses.dataclass(frozen=True)
class Names:
    """The user's name of each column, and the divisor or factor of its numbers.

    Attributes:
      own: The user's name by the schema's.
      divisors: Divisor of a column's numbers, by the schema's name.
      factors: Factor of a column's numbers, by the schema's name.
    """

    own: dict[str, str]
    divisors: dict[str, float]
    factors: dict[str, float]

    def scaled(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Returns rows in the schema's columns, with their numbers in its units."""
        divided = (pl.col(name) / number for name, number in self.divisors.items())
        multiplied = (pl.col(name) * number for name, number in self.factors.items())
        return rows.with_columns(*divided, *multiplied)


def read(table: str, names: Mapping[str, str], found: Collection[str]) -> Names:
    """Returns names without their factors.

    A name that the file has as it is has no factor, and only columns of numbers can
    have one.

    Args:
      table: Name of a schema table.
      names: The user's name by the schema's, such as {"watch_seconds": "ms / 1000"}.
      found: Columns of the file.

    Example:
      >>> read("watches", {"watch_seconds": "ms/1000"}, ["ms"]).divisors
      {'watch_seconds': 1000.0}
    """
    own = dict(names)
    by_operator: dict[str, dict[str, float]] = {"/": {}, "*": {}}
    numbers = {
        one.name for one in table_schemas.TABLES[table].columns if one.kind == "number"
    }
    for name, given in names.items():
        match = _SCALED.fullmatch(given)
        if match is None or given in found or name not in numbers:
            continue
        factor = float(match["factor"])
        if factor > 0.0:
            own[name] = match["own"].strip()
            by_operator[match["operator"]][name] = factor
    return Names(own, by_operator["/"], by_operator["*"])
