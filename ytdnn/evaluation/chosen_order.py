"""The artefact `choice`: which order a run serves, and why (`order_choice` judges it).

Needs no package, so that commands that only read it start at once.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn import artifacts

KIND = "choice"


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which order is served, and why.

    Attributes:
      serves_ranker: Whether the ranker orders what is served.
      words: The reason, for people.
    """

    serves_ranker: bool
    words: str


def publish(
    directory: pathlib.Path,
    choice: Choice,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """Publishes a choice.

    Args:
      directory: Where it will stand.
      choice: What was decided.
      settings: That it depends on.
      inputs: Fingerprints of what it was made from.
    """
    facts = dataclasses.asdict(choice)
    with artifacts.publish(directory, KIND, settings, inputs, facts):
        pass


def read(workdir: pathlib.Path) -> Choice | None:
    """Returns what a run has chosen, None where it has not.

    Args:
      workdir: The run's.
    """
    directory = workdir / KIND
    if not (directory / artifacts.MANIFEST).exists():
        return None
    return Choice(**artifacts.read_manifest(directory, KIND).facts)
