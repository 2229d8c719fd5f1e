"""Writes the vectors of an event log into a prepared set (`ytdnn/log/vectors.py`)."""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.log import event_log, vectors


def write(
    log: event_log.EventLog, table: str, ids: pl.Series, directory: pathlib.Path
) -> dict[str, Any]:
    """Writes the vectors of a table's rows, in bounded memory.

    Args:
      log: The event log, checked.
      table: `users` or `videos`.
      ids: Keys of that table, in its column of ids, in the order of the set.
      directory: Directory of the new set.

    Returns:
      Width, file and number of missing vectors of each column, such as "videos.clip".
    """
    if table not in log.tables:
        return {}
    names = vectors.columns(log.tables[table].collect_schema())
    first = 1 if table == schema.VIDEOS else 0
    found = {}
    for number, name in enumerate(names):
        width = _width(log, table, name)
        if not width:
            continue
        (directory / vectors.DIRECTORY).mkdir(exist_ok=True)
        file = f"{vectors.DIRECTORY}/{table}_{number}.npy"
        shape = (len(ids) + first, width)
        target = vectors.created(directory / file, shape)
        given = 0
        for places, rows in _parts(log, table, name, ids, width):
            target[places + first] = rows
            given += int(rows.any(axis=1).sum())
        target.flush()
        missing = len(ids) - given
        found[f"{table}.{name}"] = vars(vectors.StoredColumn(file, width, missing))
    return found


def _width(log: event_log.EventLog, table: str, name: str) -> int:
    """Returns the number of coordinates of a checked column, 0 without a vector."""
    sizes = log.tables[table].select(pl.col(name).list.len().max())
    with event_log.readable(log.origin(table).file):
        return int(sizes.collect(engine="streaming").item() or 0)


def _parts(
    log: event_log.EventLog, table: str, name: str, ids: pl.Series, width: int
) -> Iterator[tuple[npt.NDArray[np.int64], vectors.Rows]]:
    """Yields places among the ids, with their vectors, part by part."""
    places = ids.to_frame().with_row_index("__place__")
    query = log.tables[table].select(ids.name, name).drop_nulls(name)
    file = log.origin(table).file
    with event_log.readable(file):
        size = vectors.ROWS_A_PART
        parts = query.collect_batches(chunk_size=size, maintain_order=True)
        for part in parts:
            found = part.join(places, on=ids.name, how="inner")
            if found.height:
                rows = vectors.normalised(
                    found[name], width, f"{table}.{name} of {file}"
                )
                yield found["__place__"].to_numpy().astype(np.int64), rows
