"""Warnings about a legal request that looks like a mistake."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ytdnn.base import schema
from ytdnn.bundle import requests
from ytdnn.log import fields


def of_request(
    request: Mapping[str, Any],
    known: Mapping[str, fields.Field],
    videos: Collection[Any],
    vocabularies: Mapping[str, Collection[str]],
) -> Iterator[str]:
    """Yields a line for each warning.

    Args:
      request: A well-formed request.
      known: Inputs of the signature, by name.
      videos: Ids of the catalogue.
      vocabularies: Values of request fields in the training data.
    """
    for name in requests.ID_FIELDS:
        given = request.get(name) or []
        strange = [video for video in given if video not in videos]
        if strange:
            yield (
                f"{len(strange):,} of {len(given):,} {name} are not in the catalogue, "
                f"as {strange[0]!r}: read as unknown"
            )
    for name, values in vocabularies.items():
        value = request.get(name)
        if name in known and value and value not in values:
            yield (
                f"{name} {value!r} is none of the {len(values):,} values of the log: "
                f"read as unknown"
            )
    yield from _of_times(request)


def _of_times(request: Mapping[str, Any]) -> Iterator[str]:
    now = request.get(schema.TIME) or 0
    for name in (schema.WATCH_TIMES, schema.IMPRESSION_TIMES):
        times = [time for time in request.get(name) or [] if time]
        late = [time for time in times if now and time > now]
        if late:
            yield (
                f"{len(late):,} of {len(times):,} {name} lie after the request's "
                f"{schema.TIME} {now}, such as {late[0]}"
            )
        falls = [pair for pair in itertools.pairwise(times) if pair[1] < pair[0]]
        if falls and name == schema.WATCH_TIMES:
            before, after = falls[0]
            yield (
                f"{name} are not in order, {after} follows {before}: the last is taken "
                f"as the most recent"
            )
