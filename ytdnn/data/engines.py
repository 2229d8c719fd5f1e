"""What prepares a log: Polars on this machine, or another engine, in two phases.

First the log is surveyed: checked, and its users, catalogue, vocabularies and windows
found. Then its shards are counted, which gives the vocabulary, and written. An engine
says how the events are read; what is made of a shard is the same everywhere
(`ytdnn/data/shard_tasks.py`), and so are the bytes.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from ytdnn import configs
from ytdnn.data import event_log, matching, shard_tasks, windows


@dataclasses.dataclass(frozen=True)
class Survey:
    """What is known of a log before its first shard.

    Attributes:
      log: As it is used: valid, clicks among its watches where they belong there.
      bad_rows: Rows by what was wrong with them.
      unmatched: Ids that no watch has.
      rows: Events of each table, those that minimums leave out too.
      users: As of `entities.all_users`.
      videos: As of `entities.catalogue`.
      vocabularies: Values of text columns of events.
      chosen: Windows of the temporal protocol.
      doubts: What looks like a mistake.
      watch_columns: Of the watches as they are prepared.
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

    def survey(self, log: event_log.EventLog, config: configs.Data) -> Survey:
        """Checks a log and finds what is known of it before its first shard.

        Args:
          log: As a source gives it.
          config: Filters, protocol.

        Raises:
          errors.UserError: The log is bad, or the filters leave nothing.
        """
        ...

    def count(
        self, rules: shard_tasks.Rules, shards: Sequence[shard_tasks.Users]
    ) -> list[shard_tasks.Counted]:
        """Counts every shard of the log that was surveyed."""
        ...

    def write(
        self,
        rules: shard_tasks.Rules,
        shards: Sequence[shard_tasks.Users],
        new_index: np.ndarray,
        tokens: pl.DataFrame,
    ) -> list[dict[str, int]]:
        """Writes every shard and returns the rows of each table of each."""
        ...
