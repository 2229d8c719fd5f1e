"""The artefact `choice`: the order that a run serves, with the reason.

With a ranker `order_choice` chooses it, without one `live_term_choice`.

It imports no large package, so that commands that only read it start at once.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn.base import artifacts, configs

KIND = "choice"


@dataclasses.dataclass(frozen=True)
class Choice:
    """The chosen order of a run, with the reason.

    Attributes:
      serves_ranker: Whether the ranker orders the served lists.
      words: The reason, for people.
      ordered_by: See `CompositionConfig.ordered_by`; not `ranker`: the ranker is served
        with the slate in another order.
      live_weights: See `CompositionConfig.live_weights`.
    """

    serves_ranker: bool
    words: str
    ordered_by: str = "ranker"
    live_weights: tuple[float, ...] = ()


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
    facts = artifacts.read_manifest(directory, KIND).facts
    return Choice(**facts | {"live_weights": tuple(facts.get("live_weights", ()))})


def live_weights(config: configs.Config, workdir: pathlib.Path) -> tuple[float, ...]:
    """Returns the weights of the live terms of a run, given or chosen; empty: none.

    Args:
      config: Config of the run; only a temporal split has moments to count up to.
      workdir: Directory of the run.
    """
    composition = config.composition
    if not composition.live or config.data.protocol != "temporal":
        return ()
    choice = read(workdir)
    return composition.live_weights or (choice.live_weights if choice else ())
