"""The full log with vectors of videos and users."""

import pathlib

import numpy as np
import polars as pl

from tests import full_log
from ytdnn.log import prepared

WIDTH = 6
EVERY = 7  # this video and user, and every seventh after, lacks a vector


def tables() -> dict[str, pl.DataFrame]:
    """Returns the log, its vectors of no particular length."""
    log = full_log.tables()
    rng = np.random.default_rng(5)
    for table, column in (("videos", "clip"), ("users", "taste")):
        rows = rng.normal(size=(log[table].height, WIDTH)).round(3).tolist()
        lists = [None if i % EVERY == 0 else row for i, row in enumerate(rows)]
        vectors = pl.Series(column, lists, pl.List(pl.Float64))
        log[table] = log[table].with_columns(vectors)
    return log


def prepared_data(
    directory: pathlib.Path, log: dict[str, pl.DataFrame] | None = None
) -> prepared.PreparedData:
    """Returns the log, prepared."""
    return full_log.prepared_data(directory, tables() if log is None else log)
