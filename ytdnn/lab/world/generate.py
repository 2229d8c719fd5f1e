"""Generates a world: entities by seed, then the events of one crowd after the other."""

import functools

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import behaviour, corpus, people, popularity

CROWD = 10_000  # users played side by side; a part of the log


class World:
    """A corpus and its users, the same for the same config.

    Users are "u0", "u1", … and videos "v0", "v1", … by their index here.

    Attributes:
      config: Size, span and seed.
      shared: Topics and videos with their true properties.
      metadata: Metadata of the videos, as the log has them.
    """

    def __init__(self, config: configs.WorldConfig) -> None:
        """Makes the corpus; users are made a crowd at a time, when asked for."""
        self.config = config
        streams = np.random.SeedSequence(config.seed).spawn(3)
        rng = np.random.default_rng(streams[0])
        topics = corpus.make_topics(config, rng)
        videos = corpus.make_videos(config, topics, rng)
        self.metadata = corpus.make_metadata(config, topics, videos, rng)
        shelves = popularity.Shelves(topics, videos)
        self.shared = popularity.WorldState(config, topics, videos, shelves)
        self._leanings = people.make_leanings(config, np.random.default_rng(streams[1]))
        self._crowd_streams = streams[2]

    @property
    def end_of_log(self) -> int:
        """Seconds since the epoch: where the log ends and the live days begin."""
        return corpus.START + self.config.num_days * corpus.SECONDS_PER_DAY

    @property
    def num_crowds(self) -> int:
        """Crowds, and parts of the log."""
        return -(-self.config.num_users // CROWD)

    @functools.cached_property
    def all_users(self) -> people.Users:
        """All users of the world, as one; rows are their numbers."""
        numbers = range(self.num_crowds)
        return people.join([self._make_users(n, self._rngs(n)[0]) for n in numbers])

    def crowd(self, crowd: int) -> behaviour.Crowd:
        """Returns a crowd that has not yet played."""
        users_rng, behaviour_rng, *others = self._rngs(crowd)
        users = self._make_users(crowd, users_rng)
        return behaviour.Crowd(self.shared, users, behaviour_rng, *others)

    def _rngs(self, crowd: int) -> list[np.random.Generator]:
        """Returns streams of a crowd: users, behaviour, accidents, outcomes."""
        state = self._crowd_streams
        key = (*state.spawn_key, crowd)
        own = np.random.SeedSequence(state.entropy, spawn_key=key)
        return [np.random.default_rng(stream) for stream in own.spawn(4)]

    def _make_users(self, crowd: int, rng: np.random.Generator) -> people.Users:
        first = crowd * CROWD
        num = min(CROWD, self.config.num_users - first)
        return people.make_users(self.shared, self._leanings, first, num, rng)
