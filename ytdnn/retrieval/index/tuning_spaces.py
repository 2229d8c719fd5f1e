"""The search space of each kind of index, for `tune`.

A build fixes some settings (`axes`). One build can be searched with any of its
`variants`, and with any effort: the share of the leaves, or of the videos.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from ytdnn.base import configs
from ytdnn.retrieval.index import interface, inverted_lists, ivf, scann_index

Component = Any  # configs.ScannConfig or configs.IvfConfig

_BYTES = 4  # of a float32


class Space(Protocol):
    """The search space of a kind of index."""

    def start(self, num_videos: int) -> Component:
        """Returns the setting that the search begins with."""

    def axes(self, num_videos: int) -> dict[str, Sequence[int]]:
        """Returns the values of each setting that a build fixes, in order."""

    def variants(self, config: Component) -> list[Component]:
        """Returns the settings to search one build with, apart from the effort."""

    def with_effort(self, config: Component, effort: float) -> Component:
        """Returns the setting that searches a share of the leaves, lists or videos."""

    def build(self, vectors: interface.Vectors, config: Component) -> Any:
        """Builds an index that has a module with `adjust(config)`."""

    def work(self, num_videos: int, dim: int, config: Component) -> float:
        """Returns the multiplications of a build, to compare builds by."""

    def num_bytes(self, num_videos: int, dim: int, config: Component) -> float:
        """Returns the bytes of an index."""


class ScannSpace:
    """Leaves and codes are built; reordering and leaves searched vary."""

    _REORDER = (2, 3, 4, 6, 10)
    _ITERATIONS = 12

    def start(self, num_videos: int) -> configs.ScannConfig:
        """Returns the default, with a tree whatever the corpus size."""
        leaves = scann_index.num_leaves(num_videos, configs.ScannConfig(min_videos=0))
        return configs.ScannConfig(min_videos=0, num_leaves=max(1, leaves))

    def axes(self, num_videos: int) -> dict[str, Sequence[int]]:
        """Returns halves and doubles of the default leaves, and sizes of a code."""
        middle = self.start(num_videos).num_leaves
        leaves = sorted({max(1, round(middle * 2.0**power)) for power in range(-2, 4)})
        fitting = [n for n in leaves if n <= max(1, num_videos // 4)]
        return {"num_leaves": fitting, "dimensions_per_block": (0, 1, 2, 4)}

    def variants(self, config: configs.ScannConfig) -> list[configs.ScannConfig]:
        """Returns the factors of reordering; without codes nothing is reordered."""
        factors = self._REORDER if config.dimensions_per_block else (1,)
        return [dataclasses.replace(config, reorder_factor=n) for n in factors]

    def with_effort(
        self, config: configs.ScannConfig, effort: float
    ) -> configs.ScannConfig:
        """Returns the setting that searches this share of the leaves."""
        return dataclasses.replace(config, leaves_to_search_fraction=effort)

    def build(
        self, vectors: interface.Vectors, config: configs.ScannConfig
    ) -> scann_index.Scann:
        """Builds an index."""
        return scann_index.Scann.build(vectors, config)

    def work(self, num_videos: int, dim: int, config: configs.ScannConfig) -> float:
        """Counts clustering, assignment to leaves, and codes of 16 centres."""
        sample = scann_index.training_sample(num_videos, config.num_leaves)
        points = self._ITERATIONS * sample + num_videos
        codes = 16 * points if config.dimensions_per_block else 0
        return float(dim) * (points * config.num_leaves + codes)

    def num_bytes(
        self, num_videos: int, dim: int, config: configs.ScannConfig
    ) -> float:
        """Counts vectors, leaf of each, centres, and half a byte for each code."""
        block = config.dimensions_per_block
        codes = -(-dim // block) / 2 if block else 0
        of_video = _BYTES * (dim + 1) + codes
        return num_videos * of_video + _BYTES * dim * config.num_leaves


class IvfSpace:
    """Lists are built; reordering and the share of the lists that is read vary."""

    _REORDER = (1, 2, 3)
    _ITERATIONS = 8

    def start(self, num_videos: int) -> configs.IvfConfig:
        """Returns the default, with lists whatever the corpus size."""
        lists = ivf.num_lists(num_videos, configs.IvfConfig(min_videos=0))
        return configs.IvfConfig(min_videos=0, num_lists=lists)

    def axes(self, num_videos: int) -> dict[str, Sequence[int]]:
        """Returns halves and doubles of the default number of lists."""
        middle = self.start(num_videos).num_lists
        lists = sorted({max(1, round(middle * 2.0**power)) for power in range(-2, 3)})
        return {"num_lists": [n for n in lists if n <= max(1, num_videos // 4)]}

    def variants(self, config: configs.IvfConfig) -> list[configs.IvfConfig]:
        """Returns the factors of reordering."""
        return [dataclasses.replace(config, reorder_factor=n) for n in self._REORDER]

    def with_effort(
        self, config: configs.IvfConfig, effort: float
    ) -> configs.IvfConfig:
        """Returns the setting that reads this share of the lists."""
        return dataclasses.replace(config, lists_to_search_fraction=effort)

    def build(self, vectors: interface.Vectors, config: configs.IvfConfig) -> ivf.Ivf:
        """Builds an index."""
        return ivf.Ivf.build(vectors, config)

    def work(self, num_videos: int, dim: int, config: configs.IvfConfig) -> float:
        """Counts clustering and assignment to lists."""
        sample = inverted_lists.training_sample(num_videos, config.num_lists)
        points = self._ITERATIONS * sample + num_videos
        return float(dim) * points * config.num_lists

    def num_bytes(self, num_videos: int, dim: int, config: configs.IvfConfig) -> float:
        """Counts vectors, codes and rows of the videos, centres and ends of lists."""
        of_video = (_BYTES + 1) * dim + _BYTES
        of_list = _BYTES * (dim + 2 + inverted_lists.LEVELS)
        return float(num_videos * of_video + of_list * config.num_lists)


DEFAULTS: dict[str, Component] = {
    "scann": configs.ScannConfig(),
    "ivf": configs.IvfConfig(),
}
BY_KIND: dict[str, Space] = {
    "scann": ScannSpace(),
    "ivf": IvfSpace(),
}
