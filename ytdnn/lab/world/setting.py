"""The state that all users of a world share, in one object."""

import dataclasses

from ytdnn.base import configs
from ytdnn.lab.world import corpus, popularity


@dataclasses.dataclass(frozen=True)
class WorldState:
    """The world without its users.

    Attributes:
      config: Size, span and seed.
      topics: The tree.
      videos: The corpus.
      shelves: The corpus in the order of draws.
    """

    config: configs.WorldConfig
    topics: corpus.Topics
    videos: corpus.Videos
    shelves: popularity.Shelves
