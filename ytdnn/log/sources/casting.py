"""Casts a user's columns to the schema's types, and keeps the original values.

A cast that fails for single values returns null there, and the value stays in the
origin's `raw` column for messages of `log_checks`. A column of a type that can never
fit (a list as a time) is refused at once.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from ytdnn.base import errors, schema, table_schemas
from ytdnn.log import raw_log, vectors
from ytdnn.log.sources import multi_valued, times

_TEXT = times.TEXT
_PAIRS = (
    "true/false 1/0 1.0/0.0 t/f y/n yes/no on/off ja/nein ja/nee ja/nej j/n oui/non "
    "o/n vrai/faux v/f si/no sì/no sí/no sim/não sim/nao s/n verdadero/falso "
    "vero/falso wahr/falsch tak/nie t/n evet/hayır evet/hayir e/h da/net da/nu d/n"
)
# Words of true and of false, in pairs.
PAIRS = tuple((yes, no) for yes, no in (each.split("/") for each in _PAIRS.split()))
TRUE, FALSE = zip(*PAIRS, strict=True)


def normalise(
    table: str,
    frame: pl.LazyFrame,
    file: str,
    names: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    units: Mapping[str, int] | None = None,
    outcomes: Sequence[str] = (),
) -> pl.LazyFrame:
    """Casts the columns of `frame` that `table` has.

    Other columns of a table of entities are kept under their own names if they hold
    text, numbers, truth values or vectors; all others are dropped.

    Args:
      table: Name of a schema table.
      frame: The user's rows with `event_log.ROW`.
      file: Path that the rows come from, for messages.
      names: The user's name of each schema column; default: the schema's name.
      keep: Further columns to keep unchanged.
      units: Units of time columns that are not in seconds; see `times.Reading`.
      outcomes: Columns of impressions outside the schema that are kept as numbers.

    Returns:
      Rows in the form of `event_log.Origin.rows`.

    Raises:
      errors.UserError: A column's type can never be cast to the schema's.
    """
    names, units = names or {}, units or {}
    with raw_log.readable(file):
        dtypes = frame.collect_schema()
    expressions = [pl.col(raw_log.ROW, *keep)]
    for column in table_schemas.TABLES[table].columns:
        user_column = names.get(column.name, column.name)
        if user_column in dtypes:
            place = f"{table}.{column.name} ({user_column} of {file})"
            unit = units.get(column.name, 0)
            expressions += cast(column, user_column, dtypes[user_column], place, unit)
    if table_schemas.TABLES[table].key is not None:
        expressions += _own_columns(table, dtypes, names, keep)
    if table == schema.IMPRESSIONS:
        for name in outcomes:
            if name in dtypes and name not in schema.OUTCOMES:
                expressions += _outcome(name, dtypes[name], f"{table}.{name} of {file}")
    return frame.select(expressions)


def _outcome(name: str, dtype: pl.DataType, place: str) -> list[pl.Expr]:
    """Returns an outcome as numbers, with true as 1, and its raw column."""
    if dtype == pl.Boolean:
        return [pl.col(name).cast(pl.Float64)]
    expressions = cast(table_schemas.outcome(name), name, dtype, place)
    words = _boolean(pl.col(name), dtype) if dtype in _TEXT else None  # yes and no
    if words is not None:
        number, *raw = expressions
        expressions = [pl.coalesce(number, words.cast(pl.Float64)), *raw]
    return expressions


def _own_columns(
    table: str, dtypes: pl.Schema, names: Mapping[str, str], keep: Sequence[str]
) -> list[pl.Expr]:
    """Returns the log's own columns: numbers as float64, vectors, others as text.

    Several values of a video are kept even where the schema reads the first of them.
    """
    known = {names.get(c.name, c.name) for c in table_schemas.TABLES[table].columns}
    several = {
        name
        for name, dtype in dtypes.items()
        if table == schema.VIDEOS and multi_valued.is_multi_valued(dtype)
    }
    known = known - several | set(table_schemas.TABLES[table].names) | set(keep)
    expressions = []
    for name, dtype in dtypes.items():
        if name in known or name.startswith(raw_log.HIDDEN):
            continue
        if dtype.is_numeric():
            expressions.append(pl.col(name).cast(pl.Float64))
        elif dtype in (*_TEXT, pl.Boolean):
            expressions.append(pl.col(name).cast(pl.String))
        elif name in several:
            expressions.append(multi_valued.values(pl.col(name)).alias(name))
        elif vectors.is_vector(dtype):
            lists = pl.col(name).cast(pl.List(dtype.inner))  # type: ignore[attr-defined]
            expressions.append(lists.cast(vectors.DTYPE, strict=False))
    return expressions


def cast(
    column: table_schemas.Column,
    user_column: str,
    dtype: pl.DataType,
    place: str,
    unit: int = 0,
) -> list[pl.Expr]:
    """Returns the cast column and, if the cast can fail, the raw column."""
    value = pl.col(user_column)
    if dtype.is_float():
        value = value.fill_nan(None)  # NaN is how pandas writes a missing value
    if dtype == pl.Null:
        missing = raw_log.DTYPES.get(column.kind, pl.Int64())
        return [value.cast(missing).alias(column.name)]
    if column.kind == "time":
        converted = times.seconds(value, dtype, unit)
    else:
        converted = _CASTS[column.kind](value, dtype)
    if converted is None:
        advice = "give each row one value" if dtype.is_nested() else "convert it"
        raise errors.UserError(
            f"expected {place} to hold {raw_log.EXPECTED[column.kind]}, found a "
            f"column of type {dtype}: {advice}"
        )
    expressions = [converted.alias(column.name)]
    if unit or not _is_exact(column, dtype):
        expressions.append(value.alias(raw_log.raw(column.name)))
    return expressions


def _is_exact(column: table_schemas.Column, dtype: pl.DataType) -> bool:
    """Whether no value of `dtype` can fail the cast."""
    if column.kind == "text" or dtype in (pl.Datetime, pl.Date):
        return True
    if dtype.is_integer():
        return column.kind != "boolean" and dtype not in (pl.UInt64, pl.Int128)
    return dtype == raw_log.DTYPES.get(column.kind, dtype) and not dtype.is_float()


def _whole(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Integers; whole floats; text that is an integer."""
    if dtype.is_float() or dtype.is_decimal():
        value = pl.when(value == value.floor()).then(value)
    elif not dtype.is_integer() and dtype != pl.String:
        return None
    return value.cast(pl.Int64, strict=False)


def _number(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype in _TEXT:
        return pl.coalesce(times.finite(value, dtype), times.clock(value))
    return times.finite(value, dtype) if dtype.is_numeric() else None


def _boolean(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.Boolean:
        return value
    if dtype not in _TEXT and not dtype.is_numeric():
        return None
    word = value.cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)


def _text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if multi_valued.is_multi_valued(dtype):
        return multi_valued.values(value).list.first()  # with a note
    if dtype in _TEXT or dtype.is_numeric() or dtype == pl.Boolean:
        return value.cast(pl.String)
    return None


_CASTS: dict[str, Callable[[pl.Expr, pl.DataType], pl.Expr | None]] = {
    "id": lambda value, dtype: (
        value.cast(pl.String) if dtype in _TEXT else _whole(value, dtype)
    ),
    "integer": _whole,
    "number": _number,
    "boolean": _boolean,
    "text": _text,
}
