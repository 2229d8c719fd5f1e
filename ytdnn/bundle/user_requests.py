"""Requests of the users of a log, as JSON: at its end, or at any position."""

import difflib

import numpy as np
import polars as pl

from ytdnn.base import errors, schema
from ytdnn.bundle import requests
from ytdnn.features import base_feature as features_interface
from ytdnn.features import registry
from ytdnn.log import catalogues, prepared, user_log


def at_end(
    data: prepared.PreparedData, user_id: str | int, k: int = requests.DEFAULT_K
) -> requests.Request:
    """Returns a user's request at the end of the log, one second after its last event.

    Args:
      data: The prepared set.
      user_id: Id as in the log; an integer id may be given as text.
      k: Number of results.

    Raises:
      errors.UserError: The log has no such user.
    """
    user = _user_index(data.log, user_id)
    own = data
    if len(data.log.shards) > 1:
        own = data.with_log(data.log.of_users(np.array([user])))
    end = int(own.watches.offsets[user + 1])
    request = at_position(own, user, end, data.windows.end_of_log + 1)
    return request | {schema.K: k}


def at_position(
    data: prepared.PreparedData, user: int, end_watch: int, time: int
) -> requests.Request:
    """Returns the request of a user as of a position of the log.

    The request has all columns of the log; a bundle may read fewer (`Bundle.fitting`).

    Args:
      data: The prepared set.
      user: User index.
      end_watch: Flat position where the history ends: the watch there is not part of
        it, but the request has its device.
      time: Time of the request, the end of searches and impressions. 0 = unknown:
        searches before the watch at `end_watch`.
    """
    ids = _ids_by_index(data.catalogue)
    watches = slice(int(data.watches.offsets[user]), end_watch)
    videos = data.watches.videos[watches].tolist()
    request = {
        schema.WATCHED_VIDEO_IDS: [ids[i] for i in videos],
        schema.WATCH_TIMES: data.watches.times[watches].tolist(),
        schema.TIME: time,
    }
    if data.watches.seconds is not None:
        request[schema.WATCHED_SECONDS] = data.watches.seconds[watches].tolist()
    is_watch = end_watch < int(data.watches.offsets[user + 1])
    place = features_interface.Place(user, end_watch, time, is_watch)
    for feature in registry.readable(data):
        request |= feature.request_values(data, place)
    if data.catalogue.has_searches:
        request[schema.QUERIES] = _queries(data, user, end_watch, time)
    if data.log.has_impressions:
        request |= _impressions(data.log, user, time, ids)
    return request


def _impressions(
    log: user_log.UserLog, user: int, time: int, ids: list[str | int | None]
) -> requests.Request:
    """Returns the impressions of a user before a time, in the log's order."""
    shown = log.impressions
    rows = slice(*np.searchsorted(shown.users, [user, user + 1]))
    before = np.asarray(shown.times[rows] < time)
    videos = shown.videos[rows][before].tolist()
    return {
        schema.IMPRESSION_VIDEO_IDS: [ids[i] for i in videos],
        schema.IMPRESSION_TIMES: shown.times[rows][before].tolist(),
        schema.IMPRESSION_CLICKED: shown.clicked[rows][before].astype(int).tolist(),
    }


def _queries(
    data: prepared.PreparedData, user: int, end_watch: int, time: int
) -> list[str]:
    start, stop = data.log.searches.offsets[user : user + 2].tolist()
    if time:
        stop = start + int(np.searchsorted(data.log.searches.times[start:stop], time))
    elif end_watch < data.watches.offsets[user + 1]:
        stop = start + int(np.asarray(data.watches.num_searches)[end_watch])
    if data.whole is not data:  # the texts are found by positions of the whole
        first = int(data.whole.log.shard_index.offsets("searches")[user])
        start, stop = first, first + stop - start
    return data.log.queries.texts(start, stop)


def _user_index(log: user_log.UserLog, user_id: str | int) -> int:
    ids = log.users[schema.USER_ID].cast(pl.String)
    found = ids.index_of(str(user_id))
    if found is None:
        # Bounded, as a comparison with all ids of a large log takes seconds.
        close = difflib.get_close_matches(str(user_id), ids.head(100_000), n=1)
        hint = f": did you mean {close[0]}?" if close else f", such as {ids[0]}"
        raise errors.UserError(
            f"expected a user of the {len(ids):,} in {log.directory}, received "
            f"{requests.shown(user_id)}{hint}"
        )
    return int(found)


def _ids_by_index(catalogue: catalogues.Catalogue) -> list[str | int | None]:
    """Returns the id of each catalogue index; None for index 0, which no event has."""
    return [None, *catalogue.videos[schema.VIDEO_ID].to_list()]
