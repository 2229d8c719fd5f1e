"""Checks the watches that trained models are to learn on from, as `refresh` does."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ytdnn.base import errors, formats, schema
from ytdnn.log import log_warnings, prepared


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
    tables = (shard.read().watches for shard in grown.log.shards)
    times = np.concatenate([np.asarray(t.times)[t.are_completed] for t in tables])
    times = times[times >= begins]
    if not len(times):
        raise errors.UserError(
            f"expected completed watches from {formats.minute(begins)} on, where the "
            f"run's end, found none: check watches.time, or prepare the grown log"
        )
    if times.min() > begins + log_warnings.YEAR:
        yield (
            f"note: the new watches begin on {formats.day(times.min())}, over a year "
            f"after the run's end, {formats.day(begins)}: check watches.time"
        )
    ids = pl.col(schema.USER_ID).cast(pl.String).unique().sort()
    users, known = (e.select(ids).collect()[:, 0] for e in (given, old.users.lazy()))
    if (
        len(users) >= log_warnings.FEWEST_USERS
        and not users.is_in(known.implode()).any()
    ):
        yield (
            f"note: all {len(users):,} users of the new watches are new, as "
            f"{users[0]!r}, where the log has {known[0]!r}: check watches.user_id"
        )
