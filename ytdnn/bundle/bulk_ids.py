"""Looks up the ids of users and videos in bulk requests, and the limits of their lists.

Unknown ids are counted and reported; nothing is left out silently.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import errors, formats, ragged, schema
from ytdnn.bundle import bulk, tables
from ytdnn.bundle import bundle as bundle_room
from ytdnn.log import event_log, prepared, user_log

_MOST_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class BulkIds:
    """Users or videos of a bulk request, each once.

    Attributes:
      ids: `[n]` ids in the order of the request.
      indices: `[n]` user indices, or catalogue indices of videos.
      notes: Messages about ids that were left out.
    """

    ids: pl.Series
    indices: npt.NDArray[np.int64]
    notes: list[str] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        """Number of users or videos."""
        return len(self.indices)


def users(
    log: user_log.UserLog, given: pl.Series | None, place: str = "those named"
) -> BulkIds:
    """Returns the named users of a log; None: all.

    Args:
      log: The users and their events.
      given: Ids.
      place: Source of the ids, for messages.

    Raises:
      errors.UserError: No given user is in the log.
    """
    known = log.users[schema.USER_ID]
    if given is None:
        return BulkIds(known, np.arange(len(known)))
    return _named(known, given, "users", f"the log of {log.directory}", place)


def videos(
    bundle: bundle_room.Bundle,
    given: pl.Series | None,
    place: str = "those named",
    by: str = "",
) -> BulkIds:
    """Returns the videos of a bundle that have a vector; None: all but removed ones.

    Args:
      bundle: Bundle with the videos.
      given: Ids.
      place: Source of the ids, for messages.
      by: Column of the log's own vectors, such as "videos.clip"; empty: the vectors of
        the index.

    Raises:
      errors.UserError: No given video is in the catalogue, or none has a vector.
    """
    known = bundle.videos[schema.VIDEO_ID]
    there = _with_vector(bundle, by)
    number, why = int(there.sum()), "not watched in the training window"
    said = f"were {why.removeprefix('not ')}"
    if by:
        why, said = f"{by} is missing", f"have one in {by}"
    if given is None:
        rows = np.setdiff1d(np.flatnonzero(there), bundle.removed_videos() - 1)
        return BulkIds(known.gather(pl.Series(rows, dtype=pl.UInt32)), rows + 1)
    found = _named(known, given, "videos", "the catalogue", place)
    has_vector = there[found.indices]
    without = found.ids.filter(pl.Series(~has_vector))
    if len(without) == len(found):
        raise errors.UserError(
            f"expected videos with a vector, received {shown(without)} without one: "
            f"{number:,} of the {len(known):,} videos of the catalogue {said}"
        )
    notes = list(found.notes)
    if len(without):
        notes.append(
            f"{formats.counted(len(without), 'video')} without a vector ({why}), left "
            f"out: {shown(without)}"
        )
    rows = np.flatnonzero(has_vector)
    kept = found.ids.gather(pl.Series(rows, dtype=pl.UInt32))
    return BulkIds(kept, found.indices[rows] + 1, notes)


def _with_vector(bundle: bundle_room.Bundle, by: str) -> npt.NDArray[np.bool_]:
    """Returns whether each video of the catalogue has a vector, `[catalogue] bool`.

    Raises:
      errors.UserError: The bundle has no such column of vectors.
    """
    if not by:
        number = int(bundle.manifest.facts["videos"])
        return np.arange(bundle.videos.height) < number
    known = bundle.vectors.widths
    if by not in known:
        hint = errors.hint(by, known, cutoff=0.5)
        raise errors.UserError(
            f"expected a column of vectors of videos "
            f"({', '.join(known) or 'the log has none'}), received {by!r}{hint}"
        )
    return np.any(bundle.vectors.rows(by)[1:] != 0, axis=1)


def _named(
    known: pl.Series, given: pl.Series, kind: str, of: str, place: str
) -> BulkIds:
    """Returns the given ids that are in `known`; indices count from 0."""
    once = given.unique(maintain_order=True)
    places = tables.indices_of(known, once)
    unknown = once.filter(pl.Series(places < 0))
    if len(unknown) == len(once):
        raise errors.UserError(
            f"expected {kind} of the {len(known):,} in {of}, such as "
            f"{shown(known.head(1))}, found none in {place}, such as "
            f"{shown(once.head(1))}{_hint(once, known)}"
        )
    notes = []
    if len(unknown):
        notes.append(
            f"not in {of}, left out: {len(unknown):,} of "
            f"{formats.counted(len(once), kind[:-1])} ({shown(unknown)})"
        )
    if len(once) < len(given):
        notes.append(
            f"{formats.counted(len(given) - len(once), 'row')} of {kind} named before: "
            f"each is answered once"
        )
    is_known = pl.Series(places >= 0)
    return BulkIds(once.filter(is_known), places[places >= 0], notes)


def _hint(ids: pl.Series, known: pl.Series) -> str:
    if not len(ids):
        return ""
    # Bounded, as a comparison with all names of a large catalogue takes seconds.
    names = known.head(100_000).cast(pl.String).to_list()
    return errors.hint(str(ids[0]), names)


def limits(
    bundle: bundle_room.Bundle,
    data: Callable[[], prepared.PreparedData],
    exclude: pl.DataFrame | None,
    allow: pl.DataFrame | None,
) -> tuple[bulk.BulkFilters, list[str]]:
    """Returns the videos that lists may hold, and messages about unknown ids.

    Args:
      bundle: Bundle with the videos.
      data: Function that loads the prepared set with the users.
      exclude: Frame of `video_id`; with `user_id` each is left out only for that user.
      allow: Frame of `video_id`, the only videos in lists.

    Raises:
      errors.UserError: No allowed video is in the catalogue.
    """
    found, notes = bulk.BulkFilters(), []
    if exclude is not None:
        places, unknown = _videos_of(bundle, exclude, "to leave out")
        notes += unknown
        if schema.USER_ID in exclude.columns:
            own, unknown = _of_users(data().log, exclude, places)
            notes += unknown
            found = dataclasses.replace(found, of_users=own)
        else:
            found = dataclasses.replace(found, excluded=places[places > 0])
    if allow is not None:
        places, unknown = _videos_of(bundle, allow, "allowed")
        notes += unknown
        if not (places > 0).any():
            known, given = bundle.videos[schema.VIDEO_ID], allow[schema.VIDEO_ID]
            raise errors.UserError(
                f"expected videos of the catalogue to allow, such as "
                f"{shown(known.head(1))}, found none in "
                f"{formats.counted(len(given), 'id')}, such as {shown(given.head(1))}"
            )
        found = dataclasses.replace(found, allowed=np.unique(places[places > 0]))
    return found, notes


def _videos_of(
    bundle: bundle_room.Bundle, named: pl.DataFrame, what: str
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Returns catalogue indices, 0 for unknown ids, and messages about these."""
    ids = named[schema.VIDEO_ID]
    found = tables.indices_of(bundle.videos[schema.VIDEO_ID], ids) + 1
    unknown = ids.filter(pl.Series(found == 0)).unique(maintain_order=True)
    notes = []
    if len(unknown):
        number = formats.counted(ids.n_unique(), "video")
        notes.append(
            f"not in the catalogue: {len(unknown):,} of {number} {what} "
            f"({shown(unknown)})"
        )
    return found.astype(np.int32), notes


def _of_users(
    log: user_log.UserLog,
    pairs: pl.DataFrame,
    videos: npt.NDArray[np.int32],
) -> tuple[ragged.Ragged, list[str]]:
    """Returns the videos of pairs by user index, and messages about unknown users."""
    ids = pairs[schema.USER_ID]
    rows = tables.indices_of(log.users[schema.USER_ID], ids)
    unknown = ids.filter(pl.Series(rows < 0)).unique(maintain_order=True)
    notes = []
    if len(unknown):
        number = formats.counted(ids.n_unique(), "user")
        notes.append(
            f"not in the log: {len(unknown):,} of {number} with videos to leave out "
            f"({shown(unknown)})"
        )
    known = (rows >= 0) & (videos > 0)
    return ragged.of_rows(rows[known], videos[known], log.num_users), notes


def shown(ids: pl.Series | Sequence[object]) -> str:
    """Returns the first of some ids as text."""
    first = [event_log.brief(one, 40) for one in ids[:_MOST_SHOWN]]
    return ", ".join([*first, *(["…"] if len(ids) > _MOST_SHOWN else [])])
