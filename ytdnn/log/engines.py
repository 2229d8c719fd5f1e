"""Engines that prepare a log in two phases: Polars on this machine, or another.

First the log is surveyed: it is checked, and its users, catalogue, vocabularies and
windows are determined. Then its shards are counted, which gives the vocabulary, and
written. An engine only reads the events; the processing of a shard is the same for all
engines (`ytdnn/log/shard_tasks.py`), and so are the bytes.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from ytdnn.base import configs
from ytdnn.log import event_log, matching, shard_tasks, windows


@dataclasses.dataclass(frozen=True)
class Survey:
    """Facts about a whole log, collected before its first shard is processed.

    Attributes:
      log: The valid rows of the log, with clicks among its watches if configured.
      bad_rows: Number of bad rows by reason.
      unmatched: Ids without a watch.
      rows: Number of events of each table, before the minimum counts.
      users: Users from `entities.all_users`.
      videos: Catalogue from `entities.catalogue`.
      vocabularies: Values of text columns of events.
      chosen: Windows of the temporal protocol.
      doubts: Warnings about possible mistakes in the log.
      watch_columns: Columns of the prepared watches.
    """

    log: event_log.EventLog
    bad_rows: dict[str, int]
    unmatched: list[matching.Unmatched]
    rows: dict[str, int]
    users: pl.DataFrame
    videos: pl.DataFrame
    vocabularies: dict[str, list[str]]
    chosen: windows.Chosen
    doubts: list[str]
    watch_columns: list[str]


class Engine(Protocol):
    """Reads the events of one log."""

    def survey(self, log: event_log.EventLog, config: configs.DataConfig) -> Survey:
        """Checks a log and collects the facts that the shards need.

        Args:
          log: Log of a source.
          config: Settings of filters and protocol.

        Raises:
          errors.UserError: The log is malformed, or the filters leave nothing.
        """
        ...

    def count(
        self, rules: shard_tasks.Rules, shards: Sequence[shard_tasks.ShardUsers]
    ) -> list[shard_tasks.Counted]:
        """Counts every shard of the surveyed log."""
        ...

    def write(
        self,
        rules: shard_tasks.Rules,
        shards: Sequence[shard_tasks.ShardUsers],
        new_index: np.ndarray,
        tokens: pl.DataFrame,
    ) -> list[dict[str, int]]:
        """Writes every shard and returns the number of rows of its tables."""
        ...
