"""The texts of searches, read from the shards on demand."""

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import schema
from ytdnn.log import events


def query_files(
    directory: pathlib.Path, facts: Mapping[str, Any]
) -> list[pathlib.Path]:
    """Returns the files of the texts of searches, in order of their shards."""
    number = len(facts[events.FACT])
    return [
        events.path(directory, place) / events.QUERIES_FILE for place in range(number)
    ]


class Queries:
    """The texts of searches, read from disk on demand."""

    def __init__(self, directory: pathlib.Path, facts: Mapping[str, Any]) -> None:
        """Stores a prepared set's directory and the facts of its manifest."""
        self._directory = directory
        self._facts = facts

    def texts(self, start: int, stop: int) -> list[str]:
        """Returns the texts of a range of all searches."""
        files, bounds = query_files(self._directory, self._facts), self._bounds
        texts: list[str] = []
        for number in np.flatnonzero((bounds[1:] > start) & (bounds[:-1] < stop)):
            first, last = (int(bounds[number + side]) for side in (0, 1))
            begin = max(start, first)
            rows = pl.scan_parquet(files[number]).select(schema.QUERY)
            queries = rows.slice(begin - first, min(stop, last) - begin).collect()
            texts += queries[schema.QUERY].to_list()
        return texts

    @functools.cached_property
    def _bounds(self) -> np.ndarray:
        """First search of each shard among all, in the order of the files."""
        shards = events.on_disk(self._directory, self._facts)
        search_tables = (shard.read().searches for shard in shards)
        sizes = [0 if table is None else len(table) for table in search_tables]
        return np.cumsum([0, *sizes])
