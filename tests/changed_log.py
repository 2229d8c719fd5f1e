"""A prepared set with other events."""

import dataclasses
from typing import Any

from ytdnn.log import events, prepared


def with_tables(data: prepared.PreparedData, **changed: Any) -> prepared.PreparedData:
    """Returns the set with some tables of events replaced."""
    shard = dataclasses.replace(data.log.shard, **changed)
    shards = (events.in_memory(shard, data.num_users),)
    return data.with_log(dataclasses.replace(data.log, shards=shards))
