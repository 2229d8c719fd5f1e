"""Checks the watches that trained models are to learn on from, as `refresh` does."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ytdnn.base import errors, formats, schema
from ytdnn.log import log_warnings, prepared

_NEVER = np.iinfo(np.int64).max


def warnings(
    old: prepared.PreparedData,
    grown: prepared.PreparedData,
    given: pl.LazyFrame,
    begins: int,
) -> Iterator[str]:
    """Yields a line for each warning about the watches that models learn on from.

    Args:
      old: The set that they were trained on.
      grown: The set with the new watches.
      given: The new watches, known ones among them.
      begins: Second from which watches are learned from.

    Raises:
      errors.UserError: None is.
    """
    first = _NEVER  # of them
    for table in (shard.read().watches for shard in grown.log.shards):
        times = np.asarray(table.times)[table.are_completed]
        first = min(first, int(times[times >= begins].min(initial=_NEVER)))
    if first == _NEVER:
        raise errors.UserError(
            f"expected completed watches from {formats.minute(begins)} on, where the "
            f"run's end, found none: check watches.time, or prepare the grown log"
        )
    if first > begins + log_warnings.YEAR:
        yield (
            f"note: the new watches begin on {formats.day(first)}, over a year "
            f"after the run's end, {formats.day(begins)}: check watches.time"
        )
    ids = pl.col(schema.USER_ID).cast(pl.String).unique().sort()
    users, known = (e.select(ids).collect()[:, 0] for e in (given, old.users.lazy()))
    are_new = not users.is_in(known.implode()).any()
    if are_new and len(users) >= log_warnings.FEWEST_USERS:
        yield (
            f"note: all {len(users):,} users of the new watches are new, as "
            f"{users[0]!r}, where the log has {known[0]!r}: check watches.user_id"
        )
