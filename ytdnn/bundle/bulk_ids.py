"""Looks up the ids of users and videos in bulk requests, and the limits of their lists.

Unknown ids are counted and reported; nothing is left out silently.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import errors, formats, ragged, schema
from ytdnn.bundle import answer_frames, bulk, bundle
from ytdnn.log import prepared, prepared_log, raw_log

Bundle = bundle.Bundle

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
    log: prepared_log.UserLog, names: pl.Series | None, place: str = "those named"
) -> BulkIds:
    """Returns the named users of a log; None: all.

    Args:
      log: The users and their events.
      names: Ids.
      place: Source of the ids, for messages.

    Raises:
      errors.UserError: No given user is in the log.
    """
    known = log.users[schema.USER_ID]
    if names is None:
        return BulkIds(known, np.arange(len(known)))
    return _named(known, names, "user", f"the log of {log.directory}", place)


def videos(
    bundle: Bundle, names: pl.Series | None, place: str = "those named", by: str = ""
) -> BulkIds:
    """Returns the videos of a bundle that have a vector; None: all but removed ones.

    Args:
      bundle: Bundle with the videos.
      names: Ids.
      place: Source of the ids, for messages.
      by: Column of the log's own vectors, such as "videos.clip"; empty: the vectors of
        the index.

    Raises:
      errors.UserError: No given video is in the catalogue, or none has a vector.
    """
    known = bundle.videos[schema.VIDEO_ID]
    has_vector = _has_vector(bundle, by)
    if names is None:
        rows = np.setdiff1d(np.flatnonzero(has_vector), bundle.removed_videos() - 1)
        return BulkIds(known.gather(pl.Series(rows, dtype=pl.UInt32)), rows + 1)
    named = _named(known, names, "video", "the catalogue", place)
    is_there = has_vector[named.indices]
    without = named.ids.filter(pl.Series(~is_there))
    why = f"{by} is missing" if by else "not watched in the training window"
    if len(without) == len(named):
        raise errors.UserError(
            f"expected videos with a vector, received {_shown(without)} without one "
            f"({why}): {has_vector.sum():,} of {len(known):,} videos have one"
        )
    notes = list(named.notes)
    if len(without):
        notes.append(
            f"{formats.counted(len(without), 'video')} without a vector ({why}), left "
            f"out: {_shown(without)}"
        )
    ids = named.ids.filter(pl.Series(is_there))
    return BulkIds(ids, named.indices[is_there] + 1, notes)


def _has_vector(bundle: Bundle, by: str) -> npt.NDArray[np.bool_]:
    """Returns whether each video of the catalogue has a vector, `[catalogue] bool`.

    Raises:
      errors.UserError: The bundle has no such column of vectors.
    """
    if not by:
        return np.arange(bundle.videos.height) < int(bundle.manifest.facts["videos"])
    known = bundle.vectors.widths
    if by not in known:
        hint = errors.hint(by, known, cutoff=0.5)
        raise errors.UserError(
            f"expected a column of vectors of videos "
            f"({', '.join(known) or 'the log has none'}), received {by!r}{hint}"
        )
    return np.any(bundle.vectors.rows(by)[1:] != 0, axis=1)


def _named(
    known: pl.Series, ids: pl.Series, kind: str, where: str, place: str
) -> BulkIds:
    """Returns the given ids that are in `known`, each once; indices count from 0."""
    once = ids.unique(maintain_order=True)
    places, notes = _look_up(known, once, kind, where)
    if not (places >= 0).any():
        # Bounded, as a comparison with all names of a large catalogue takes seconds.
        names = known.head(100_000).cast(pl.String).to_list()
        hint = errors.hint(str(once[0]), names) if len(once) else ""
        raise errors.UserError(
            f"expected {kind}s of the {len(known):,} in {where}, such as "
            f"{_shown(known.head(1))}, found none in {place}, such as "
            f"{_shown(once.head(1))}{hint}"
        )
    if len(once) < len(ids):
        notes.append(
            f"{formats.counted(len(ids) - len(once), 'row')} of {kind}s named "
            f"before: each is answered once"
        )
    return BulkIds(once.filter(pl.Series(places >= 0)), places[places >= 0], notes)


def _look_up(
    known: pl.Series, ids: pl.Series, kind: str, where: str
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Returns the place of each id in `known`, -1 = unknown, and a note about these."""
    places = answer_frames.indices_of(known, ids)
    unknown = ids.filter(pl.Series(places < 0)).unique(maintain_order=True)
    if not len(unknown):
        return places, []
    number = formats.counted(ids.n_unique(), kind)
    note = f"not in {where}, left out: {len(unknown):,} of {number} ({_shown(unknown)})"
    return places, [note]


def limits(
    bundle: Bundle,
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
    filters = bulk.BulkFilters()
    notes: list[str] = []
    known = bundle.videos[schema.VIDEO_ID]
    if exclude is not None:
        ids = exclude[schema.VIDEO_ID]
        places, notes = _look_up(known, ids, "excluded video", "the catalogue")
        if schema.USER_ID in exclude.columns:
            log, users = data().log, exclude[schema.USER_ID]
            rows, more = _look_up(log.users[schema.USER_ID], users, "user", "the log")
            notes += more
            both = (rows >= 0) & (places >= 0)
            pairs = ragged.from_rows(rows[both], places[both] + 1, log.num_users)
            filters = dataclasses.replace(filters, of_users=pairs)
        else:
            excluded = (places[places >= 0] + 1).astype(np.int32)
            filters = dataclasses.replace(filters, excluded=excluded)
    if allow is not None:
        ids = allow[schema.VIDEO_ID]
        places, more = _look_up(known, ids, "allowed video", "the catalogue")
        notes += more
        allowed = (np.unique(places[places >= 0]) + 1).astype(np.int32)
        if not len(allowed):
            raise errors.UserError(
                f"expected videos of the catalogue to allow, such as "
                f"{_shown(known.head(1))}, found none in "
                f"{formats.counted(len(ids), 'id')}, such as {_shown(ids.head(1))}"
            )
        filters = dataclasses.replace(filters, allowed=allowed)
    return filters, notes


def _shown(ids: pl.Series) -> str:
    """Returns the first of some ids as text."""
    first = [raw_log.brief(one, 40) for one in ids[:_MOST_SHOWN]]
    return ", ".join([*first, *(["…"] if len(ids) > _MOST_SHOWN else [])])
