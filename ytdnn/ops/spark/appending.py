"""Writes the shards of two joined sets on Spark, one task for each shard.

A process of Spark opens both sets by the driver's paths, once, and writes shards by the
function of one machine.
"""

import dataclasses
import functools
import json
import pathlib
import uuid
from collections.abc import Sequence

import numpy as np
import pyspark.sql

from ytdnn.log import joined_sets, prepared, shard_tasks
from ytdnn.ops.spark import parts as spark_parts

_PLACES = "places.npy"


@dataclasses.dataclass(frozen=True)
class _Sets:
    """Two sets and the places of their videos, as each process of Spark opens them."""

    old: pathlib.Path
    new: pathlib.Path
    places: pathlib.Path
    token: str


@dataclasses.dataclass(frozen=True)
class _Shard:
    """Writes a shard, in a process of Spark."""

    sets: _Sets
    parts: Sequence[shard_tasks.ShardUsers]
    directory: pathlib.Path

    def __call__(self, number: int, path: pathlib.Path) -> None:
        """Writes a shard, and its rows of each table as JSON."""
        both, places = _opened(self.sets)
        rows = both.write_shard(self.parts[number], places, self.directory)
        path.write_text(json.dumps(rows))


@functools.lru_cache(maxsize=1)
def _opened(sets: _Sets) -> tuple[joined_sets.JoinedSets, joined_sets.Integers]:
    """Opens two sets, once in each process of Spark."""
    old, new = prepared.load(sets.old), prepared.load(sets.new)
    return joined_sets.JoinedSets(old, new), np.load(sets.places)


class SparkShards:
    """Writes the shards of two joined sets; see `joined_sets.ShardWork`."""

    def __init__(
        self,
        session: pyspark.sql.SparkSession,
        old: prepared.PreparedData,
        new: prepared.PreparedData,
        scratch: pathlib.Path,
    ) -> None:
        """Stores the session.

        Args:
          session: Spark's session.
          old: The earlier set.
          new: The set of the later events.
          scratch: An empty directory that all machines reach; the caller removes it.
        """
        self._session, self._scratch = session, scratch
        self._sets = _Sets(
            old.directory.absolute(),
            new.directory.absolute(),
            scratch / _PLACES,
            uuid.uuid4().hex,
        )

    def __call__(
        self,
        parts: Sequence[shard_tasks.ShardUsers],
        place: joined_sets.Integers,
        directory: pathlib.Path,
    ) -> list[dict[str, int]]:
        """Writes each shard; see `joined_sets.ShardWork`."""
        np.save(self._sets.places, place)
        shard = _Shard(self._sets, parts, directory.absolute())
        files = spark_parts.written(
            self._session, len(parts), shard, self._scratch, ".json"
        )
        return [json.loads(file.read_text()) for file in files]
