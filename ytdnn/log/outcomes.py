"""Outcomes of impressions apart from the click: likes, shares, amounts.

Columns of the schema (`schema.OUTCOMES`) are outcomes if a log has them, and so are the
columns in `data.outcomes` (docs/feedback.md). A missing value is unknown, and no model
learns from it. An outcome with only the values 0 and 1 is binary, any other is an
amount.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from ytdnn.base import schema, table_schemas
from ytdnn.log import events

FACT = "outcomes"
BINARY: Literal["binary"] = "binary"
AMOUNT: Literal["amount"] = "amount"
_PREFIX = "outcome:"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """An outcome of the impressions of a log.

    Attributes:
      name: Name of its column.
      kind: `binary`, or `amount`.
      num_known: Number of impressions with a value.
      mean: Mean of these values; 0 without values.
      largest: Largest value.
    """

    name: str
    kind: str
    num_known: int
    mean: float
    largest: float


def names_of(columns: Iterable[str]) -> tuple[str, ...]:
    """Returns the outcomes among the columns of `impressions`, in their order.

    Args:
      columns: Columns from `event_log.table_columns`.
    """
    given = list(columns)
    return (*(name for name in schema.OUTCOMES if name in given), *sorted(own(given)))


def own(columns: Iterable[str]) -> list[str]:
    """Returns the outcomes of `impressions` that are not in the schema."""
    known = set(table_schemas.TABLES[schema.IMPRESSIONS].names)
    return [name for name in columns if name not in known]


def prefixed(name: str) -> str:
    """Returns the name of an outcome among the columns of a shard."""
    return _PREFIX + name


def from_prefixed(columns: Iterable[str]) -> tuple[str, ...]:
    """Returns the outcomes among the columns of a shard, in their order."""
    of_log = (name for name in columns if name.startswith(_PREFIX))
    return names_of(name.removeprefix(_PREFIX) for name in of_log)


def measure(names: Sequence[str], parts: Iterable[np.ndarray]) -> tuple[Outcome, ...]:
    """Returns the outcomes of impressions.

    Args:
      names: Names in the order of the arrays.
      parts: Arrays `[impressions, len(names)] float32`, NaN where unknown.
    """
    known = np.zeros(len(names), np.int64)
    total, largest = np.zeros(len(names)), np.zeros(len(names))
    is_binary = np.ones(len(names), bool)
    for part in parts:
        values = np.asarray(part, np.float64)
        known += np.isfinite(values).sum(axis=0)
        total += np.nansum(values, axis=0)
        largest = np.fmax(largest, np.fmax.reduce(values, axis=0, initial=0.0))
        is_binary &= (np.isnan(values) | (values == 0.0) | (values == 1.0)).all(axis=0)
    return tuple(
        Outcome(
            name,
            BINARY if is_binary[place] else AMOUNT,
            int(known[place]),
            float(total[place] / max(known[place], 1)),
            float(largest[place]),
        )
        for place, name in enumerate(names)
    )


def facts(outcomes: Iterable[Outcome]) -> dict[str, object]:
    """Returns the manifest's entry of outcomes; empty without outcomes."""
    described = [dataclasses.asdict(outcome) for outcome in outcomes]
    return {FACT: described} if described else {}


def facts_from_shards(
    names: Sequence[str], shards: Iterable[events.LazyShard]
) -> dict[str, object]:
    """Returns the manifest's entry of the outcomes in shards, which it reads.

    Args:
      names: Names in the order of the arrays; none: nothing is read.
      shards: The shards.
    """
    if not names:
        return {}
    shown = (shard.read().impressions for shard in shards)
    parts = (table.outcomes for table in shown if table is not None)
    return facts(measure(names, (part for part in parts if part is not None)))
