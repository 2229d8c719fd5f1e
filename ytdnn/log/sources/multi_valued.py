"""Columns of videos with several values each, such as tags: lists, or texts to split.

`--columns="videos.genres=genres split |"` splits a text at each `|`. Lists of texts or
of integers are read as they are (`casting`).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import polars as pl

from ytdnn.base import errors, schema, table_schemas
from ytdnn.log import raw_log
from ytdnn.log.sources import times

MOST = 32  # values of a video, the first ones
_LEAST_JOINED = 0.1  # share of texts with a separator
_SPLIT = re.compile(r"(?P<own>.+?)\s+split\s+(?P<separator>\S+)\s*")


def is_multi_valued(dtype: pl.DataType) -> bool:
    """Whether a type is that of several values.

    >>> is_multi_valued(pl.List(pl.String())), is_multi_valued(pl.List(pl.Float64()))
    (True, False)
    """
    if not isinstance(dtype, pl.List | pl.Array):
        return False
    is_list = isinstance(dtype, pl.List)
    is_text = dtype.inner in (*times.TEXT, pl.Null)
    return is_text or (is_list and dtype.inner.is_integer())


def separator(values: pl.Series) -> str:
    """Returns the separator of several values in texts; empty if none is likely.

    A tenth of the texts have it, and the parts come again: those of sentences do not.
    """
    if values.dtype not in times.TEXT:
        return ""
    texts = values.drop_nulls().cast(pl.String)
    for each in "|;,":
        parts = texts.str.split(each)
        is_joined = (parts.list.len() > 1).sum() > _LEAST_JOINED * texts.len()
        flat = parts.explode().str.strip_chars()
        if is_joined and flat.n_unique() < flat.len() / 2:
            return each
    return ""


def is_split(table: str, own: str) -> bool:
    """Whether an entry of `--columns` splits a column of videos."""
    return table == schema.VIDEOS and _SPLIT.fullmatch(own) is not None


def split_columns(entries: Iterable[str]) -> set[str]:
    """Returns both names of each column of videos that is split, as "videos.tags".

    Args:
      entries: Entries of `--columns`.
    """
    names = [m["own"].partition("=") for m in map(_SPLIT.fullmatch, entries) if m]
    return {n for new, _, own in names for n in (new, f"{schema.VIDEOS}.{own}")}


def split(
    table: str,
    names: Mapping[str, str],
    frame: pl.LazyFrame,
    columns: Collection[str],
    file: str,
) -> tuple[dict[str, str], pl.LazyFrame]:
    """Returns names without their separators, and rows with the texts split.

    Args:
      table: Name of a schema table.
      names: The user's name by the schema's or a new one, perhaps with a separator.
      frame: The user's rows.
      columns: Columns of the file.
      file: Path of the rows, for messages.

    Raises:
      errors.UserError: The column to split is not in the file, or is no text.
    """
    plain, lists, renamed = dict(names), [], set[str]()
    for column, given in names.items():
        if given in columns or not is_split(table, given):
            continue
        own, separator = _SPLIT.fullmatch(given).group("own", "separator")  # type: ignore[union-attr]
        if own not in columns:
            raise errors.UserError(
                f"expected column {own} in {file} to split for {table}.{column}, found "
                f"{raw_log.brief(', '.join(columns), 200)}"
                f"{errors.hint(own, columns)}: name yours"
            )
        dtype = frame.collect_schema()[own]
        if dtype not in times.TEXT:
            raise errors.UserError(
                f"expected texts in {table}.{own} of {file} to split at {separator}, "
                f"found a column of type {dtype}: leave the separator out"
            )
        is_schema = column in table_schemas.TABLES[table].names
        values = pl.col(own).cast(pl.String).str.split(separator)
        lists.append(values.alias(own if is_schema else column))
        if is_schema:
            plain[column] = own
        else:
            del plain[column]
            renamed |= {own} - {column}
    kept = {*plain.values(), *table_schemas.TABLES[table].names}
    return plain, frame.with_columns(lists).drop(renamed - kept)


def values(lists: pl.Expr) -> pl.Expr:
    """Returns lists as distinct texts, null where there is none."""
    texts = lists.cast(pl.List(pl.String))
    element = pl.element().str.strip_chars()
    texts = texts.list.eval(element.filter(element.fill_null("") != ""))
    texts = texts.list.unique(maintain_order=True).list.head(MOST)
    return pl.when(texts.list.len() > 0).then(texts)


def notes(table: str, frame: pl.LazyFrame, mapped: Mapping[str, str]) -> Iterator[str]:
    """Yields notes on values that are not read.

    Args:
      table: Name of a schema table.
      frame: The user's rows.
      mapped: The user's name of each column of the schema.
    """
    lists = [n for n, d in frame.collect_schema().items() if is_multi_valued(d)]
    of_videos = lists if table == schema.VIDEOS else []
    for column in table_schemas.TABLES[table].columns:
        name = mapped[column.name]
        if column.kind == "text" and name in lists:
            is_own = name in of_videos and name != column.name
            every = f", all as {table}.{name}" if is_own else ""
            place = f"{table}.{column.name}"
            yield f"{place}: lists, the first value of each is read{every}"
    if not of_videos:
        return
    is_long = [(pl.col(name).list.len() > MOST).sum() for name in of_videos]
    counts = frame.select(is_long).collect(engine="streaming").row(0, named=True)
    for name, number in counts.items():
        if number:
            yield (
                f"{table}.{name}: {number:,} lists are longer than {MOST} values, the "
                f"first are read"
            )
