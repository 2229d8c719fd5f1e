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
      left_out: Default sources that the ranker's candidates do without.
      seconds_weight: See `CompositionConfig.seconds_weight`.
    """

    serves_ranker: bool
    words: str
    ordered_by: str = "ranker"
    live_weights: tuple[float, ...] = ()
    left_out: tuple[str, ...] = ()
    seconds_weight: float = 0.0


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
    several = {k: tuple(facts.get(k, ())) for k in ("live_weights", "left_out")}
    return Choice(**facts | several)


def composition(
    config: configs.Config, workdir: pathlib.Path
) -> configs.CompositionConfig:
    """Returns the composition of a run with the candidates that were chosen for it.

    Args:
      config: Config of the run; what it sets is not chosen. Only a temporal split has
        moments to count up to.
      workdir: Directory of the run.
    """
    own, choice = config.composition, read(workdir) or Choice(True, "")
    is_temporal = config.data.protocol == "temporal"
    chosen: dict[str, Any] = {"live_weights": (), "seconds_weight": 0.0}
    if is_temporal and own.live:
        chosen["live_weights"] = own.live_weights or choice.live_weights
    if is_temporal and own.seconds_weight == "auto":
        chosen["seconds_weight"] = choice.seconds_weight
    elif is_temporal:
        chosen["seconds_weight"] = own.seconds_weight
    if own.sources == configs.DEFAULT_SOURCES:
        own = own.without(choice.left_out)
    return dataclasses.replace(own, **chosen)
