"""The registries of ytdnn: which kinds of parts a package or a file can add.

docs/extending.md shows each.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from ytdnn import registry


@dataclasses.dataclass(frozen=True)
class RegisteredLoss(registry.Registered):
    """A retrieval loss, see `ytdnn.candidates.losses`.

    Attributes:
      head: Factory of the head that gives the rows of the video table their meaning,
        (config, number of videos) → head; None: row i is video i.
    """

    head: Callable[..., Any] | None = None


LOSSES = registry.Registry(
    "ytdnn.losses", "loss", "ytdnn.candidates.losses", RegisteredLoss
)


@dataclasses.dataclass(frozen=True)
class RegisteredSource(registry.Registered):
    """A candidate source, (number of places, prepared set) → `interface.Source`.

    Attributes:
      exists: Whether a prepared set has the columns it needs; None: every set has.
      reads_time: Whether it reads the time of the request.
    """

    exists: Callable[[Any], bool] | None = None
    reads_time: bool = False


SOURCES = registry.Registry(
    "ytdnn.sources", "candidate source", "ytdnn.retrieval", RegisteredSource
)


def versions(candidates: Any) -> dict[str, str]:
    """Returns the version of each part from outside that a candidate model is made of.

    A trained model is recognised by them, as by its settings.

    Args:
      candidates: Settings of the candidate model.
    """
    kinds = {"loss": (LOSSES, candidates.loss.kind)}
    found = {name: parts.version(kind) for name, (parts, kind) in kinds.items()}
    return {name: version for name, version in found.items() if version}
