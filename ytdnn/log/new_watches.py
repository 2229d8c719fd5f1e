"""Checks the watches that trained models are to learn on from, as `refresh` does."""

import numpy as np
import polars as pl

from ytdnn.base import errors, formats, schema
from ytdnn.log import faults, log_warnings, prepared


def lines(
    old: prepared.PreparedData,
    grown: prepared.PreparedData,
    watches: pl.LazyFrame,
    begins: int,
) -> list[str]:
    """Returns a line for each warning about the watches that models learn on from.

    Args:
      old: The set that they were trained on.
      grown: The set with the new watches.
      watches: The given watches, known ones among them.
      begins: Second from which watches are learned from.

    Raises:
      errors.UserError: None is.
    """
    tables = [shard.read().watches for shard in grown.log.shards]
    times = [np.asarray(each.times) for each in tables]
    pairs = zip(tables, times, strict=True)
    if not any((each.are_completed & (at >= begins)).any() for each, at in pairs):
        raise errors.UserError(
            f"expected completed watches from {formats.minute(begins)} on, up to which "
            f"the run has learned, found none in the new log: check watches.time, or "
            f"prepare the grown log"
        )
    found, end = [], old.windows.end_of_log
    later = min(int(at[at > end].min(initial=faults.MOST_TIME)) for at in times)
    if end + log_warnings.YEAR < later < faults.MOST_TIME:
        found.append(
            f"note: the new watches begin on {formats.day(later)}, over a year after "
            f"the log's end, {formats.day(end)}: check watches.time"
        )
    given = watches.select(pl.col(schema.USER_ID).cast(pl.String).unique()).collect()
    users, known = given.to_series(), old.users[schema.USER_ID].cast(pl.String)
    if (
        len(users) >= log_warnings.FEWEST_USERS
        and not users.is_in(known.implode()).any()
    ):
        found.append(
            f"note: none of the {len(users):,} users of the new watches, such as "
            f"{users.min()!r}, is among those of the log, such as {known[0]!r}: check "
            f"that watches.user_id holds the same ids"
        )
    return found
