"""The world that a prepared set was made from, and its numbers of users and videos."""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, schema
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.world import generate
from ytdnn.log import prepared


@dataclasses.dataclass(frozen=True)
class KnownWorld:
    """A world behind a prepared set.

    Attributes:
      world: The world.
      users: `[num_users]`, the world's number of each user index.
      videos: `[num_videos]`, that of each catalogue index, the first of which is 1.
    """

    world: generate.World
    users: npt.NDArray[np.int64]
    videos: npt.NDArray[np.int64]


def from_data(data: prepared.PreparedData) -> KnownWorld | None:
    """Returns the world of a prepared set, None where the log is not a world's."""
    config = world_source.config_of(data.manifest.facts)
    if config is None:
        return None
    users, videos = data.users[schema.USER_ID], data.videos[schema.VIDEO_ID]
    numbers = map(world_source.numbers, (users, videos))
    return KnownWorld(_world(config), *numbers)


@functools.lru_cache(maxsize=1)
def _world(config: configs.WorldConfig) -> generate.World:
    """Makes a world once for all that is asked of it in an evaluation."""
    return generate.World(config)
