"""The artefact `choice`: the order that a run serves, with the reason (`order_choice`).

It imports no large package, so that commands that only read it start at once.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn.base import artifacts

KIND = "choice"


@dataclasses.dataclass(frozen=True)
class Choice:
    """The chosen order of a run, with the reason.

    Attributes:
      serves_ranker: Whether the ranker orders the served lists.
      words: The reason, for people.
      ordered_by: See `CompositionConfig.ordered_by`; not `ranker`: the ranker is served
        with the slate in another order.
    """

    serves_ranker: bool
    words: str
    ordered_by: str = "ranker"


def publish(
    directory: pathlib.Path,
    choice: Choice,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """Publishes a choice.

    Args:
      directory: Directory of the artefact.
      choice: The choice.
      settings: Settings that it depends on.
      inputs: Fingerprints of the artefacts it was made from.
    """
    facts = dataclasses.asdict(choice)
    with artifacts.publish(directory, KIND, settings, inputs, facts):
        pass


def read(workdir: pathlib.Path) -> Choice | None:
    """Returns the choice of a run; None if it has none.

    Args:
      workdir: Directory of the run.
    """
    directory = workdir / KIND
    if not (directory / artifacts.MANIFEST).exists():
        return None
    return Choice(**artifacts.read_manifest(directory, KIND).facts)
