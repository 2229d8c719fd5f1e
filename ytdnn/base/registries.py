"""The registries of ytdnn: the kinds of parts that a package or a file can add.

docs/extending.md describes the registries for users. Strategies, roles, engines,
functions, truths, and parts, pages and files of reports are for the
laboratory and operations.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from ytdnn.base import registry


@dataclasses.dataclass(frozen=True)
class RegisteredLoss(registry.Registered):
    """A retrieval loss, see `ytdnn.candidates.losses`.

    Attributes:
      head: Factory of the head that maps rows of the video table to videos, (config,
        number of videos) → head; None: row i is video i.
    """

    head: Callable[..., Any] | None = None


LOSSES = registry.Registry(
    "ytdnn.losses", "loss", "ytdnn.candidates.losses", RegisteredLoss
)


HEADS = registry.Registry("ytdnn.heads", "head", "ytdnn.ranking", registry.Registered)


@dataclasses.dataclass(frozen=True)
class RegisteredLog(registry.Registered):
    """A source of event logs, `configs.DataConfig` → `event_log.EventLog`.

    Attributes:
      settings: Settings of `data` that other sources refuse.
    """

    settings: tuple[str, ...] = ()


LOGS = registry.Registry(
    "ytdnn.logs", "source of logs", "ytdnn.log.sources", RegisteredLog
)

ENCODERS = registry.Registry(
    "ytdnn.encoders", "encoder", "ytdnn.features.sequences", registry.Registered
)

INDEXES = registry.Registry(
    "ytdnn.indexes", "kind of index", "ytdnn.retrieval.index", registry.Registered
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


RERANKERS = registry.Registry(
    "ytdnn.rerankers", "re-ranker", "ytdnn.retrieval", registry.Registered
)


FEATURES = registry.Registry(
    "ytdnn.features", "feature", "ytdnn.features", registry.Registered
)


@dataclasses.dataclass(frozen=True)
class RegisteredImpressionMetric(registry.Registered):
    """A metric of predictions for impressions, a ratio of sums over users.

    A function (impressions, predictions) → numerators and denominators `[num_users]`,
    or None where the predictions lack its input: see
    `ytdnn.evaluation.impression_metrics`.

    Attributes:
      title: Display name.
      text: Definition in words, for reports and `ytdnn evaluate --explain`.
      less_is_better: Whether a lower value is better.
      is_graded: Whether it grades a model; other metrics describe it.
    """

    title: str = ""
    text: str = ""
    less_is_better: bool = False
    is_graded: bool = True


@dataclasses.dataclass(frozen=True)
class RegisteredMetric(RegisteredImpressionMetric):
    """A metric of lists of videos: (`inputs`, k) → `[num_users]`, one value for each.

    Attributes:
      inputs: Its arguments before k: `hits` and the number of right answers
        (`ytdnn.base.metrics.ranking`), `seconds` and those of the right answers
        (`ytdnn.base.metrics.watch_time`), or the `lists`
        (`ytdnn.base.metrics.ranked_lists`).
      is_default: Whether it is measured even if `evaluation.metrics` does not name it.
    """

    inputs: str = "lists"
    is_default: bool = False


METRICS = registry.Registry(
    "ytdnn.metrics", "metric", "ytdnn.base.metrics", RegisteredMetric
)

IMPRESSION_METRICS = registry.Registry(
    "ytdnn.impression_metrics",
    "metric of impressions",
    "ytdnn.base.metrics",
    RegisteredImpressionMetric,
)


@dataclasses.dataclass(frozen=True)
class RegisteredSection(registry.Registered):
    """Sections of the page of an evaluation: report → iterator of `page.Section`.

    Attributes:
      place: Place on the page; ytdnn uses 10 (lists), 20 (ranker), 30 (other slates)
        and 90 (settings and environment of the run).
    """

    place: int = 50


REPORT_SECTIONS = registry.Registry(
    "ytdnn.report_sections",
    "report section",
    "ytdnn.evaluation.terminal",
    RegisteredSection,
)

REPORT_FILES = registry.Registry(
    "ytdnn.report_files",
    "file of a report",
    "ytdnn.evaluation.terminal",
    registry.Registered,
)

REPORT_PARTS = registry.Registry(
    "ytdnn.report_parts", "part of a report", "ytdnn.evaluation", registry.Registered
)

PAGES = registry.Registry(
    "ytdnn.pages", "page", "ytdnn.evaluation.terminal", registry.Registered
)

TRACKERS = registry.Registry(
    "ytdnn.trackers", "tracker", "ytdnn.run.pipeline", registry.Registered
)

COMMANDS = registry.Registry(
    "ytdnn.commands", "command", "ytdnn.run.cli", registry.Registered
)


ROLES = registry.Registry(
    "ytdnn.roles", "role in a run", "ytdnn.run.pipeline", registry.Registered
)

TRUTHS = registry.Registry(
    "ytdnn.truths", "truth of a log", "ytdnn.evaluation", registry.Registered
)


@dataclasses.dataclass(frozen=True)
class RegisteredSteps(registry.Registered):
    """Steps that are added to a run, `configs.Config` → a tuple of `graph.Step`.

    Attributes:
      note: Function from (config, workdir) to a note on the run's evaluation, which may
        be empty; None: no note.
    """

    note: Callable[[Any, Any], str] | None = None


STEPS = registry.Registry(
    "ytdnn.steps", "step of a run", "ytdnn.run.pipeline", RegisteredSteps
)

FUNCTIONS = registry.Registry(
    "ytdnn.functions", "function of ytdnn", "ytdnn.run.pipeline", registry.Registered
)


@dataclasses.dataclass(frozen=True)
class RegisteredEngine(registry.Registered):
    """An engine in place of Polars, `arguments.Arguments` → `machines.Machines`.

    Attributes:
      text: Name and needs of the engine, for help.
      flags: Flags of commands that only this engine has.
    """

    text: str = ""
    flags: tuple[Any, ...] = ()


ENGINES = registry.Registry(
    "ytdnn.engines", "engine", "ytdnn.run.cli", RegisteredEngine
)


@dataclasses.dataclass(frozen=True)
class RegisteredStrategy(registry.Registered):
    """The devices of a training, settings of a cluster → `devices.OneDevice`.

    Attributes:
      replica: Factory of the `replica.OneReplica` of a step that several replicas make
        together; None: there is one replica.
    """

    replica: Callable[[], Any] | None = None


STRATEGIES = registry.Registry(
    "ytdnn.strategies", "strategy", "ytdnn.training", RegisteredStrategy
)


_OWN = "own"  # kind of a part that its settings' `file` declares


def every() -> dict[str, registry.Registry[Any]]:
    """Returns all registries by the last part of their group, such as `losses`."""
    found = (v for v in globals().values() if isinstance(v, registry.Registry))
    return {each.group.rpartition(".")[2]: each for each in found}


def versions(candidates: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts that a candidate model is made of.

    Like settings, they decide whether a trained model is current.

    Args:
      candidates: Settings of the candidate model.

    Raises:
      errors.UserError: A file of the user's own is missing.
    """
    found = {
        "loss": LOSSES.version(candidates.loss.kind),
        "encoder": ENCODERS.version(candidates.encoder.kind),
    }
    if _OWN in (candidates.loss.kind, candidates.encoder.kind):
        from ytdnn.base import own_files

        for name, kind in (("loss", own_files.LOSS), ("encoder", own_files.ENCODER)):
            own = getattr(candidates, name)
            if own.kind == _OWN:
                found[name] = kind.fingerprint(own.file)
    found |= _of_features(candidates.features, "candidates")
    if candidates.content.enabled:
        found |= _of_features(candidates.content.features, "candidates.content")
    return {name: version for name, version in found.items() if version}


def versions_of_ranker(config: Any, asks_sources: bool) -> dict[str, str]:
    """Returns the versions of other packages' parts that a ranker is made of.

    Args:
      config: Config of the run.
      asks_sources: Whether the ranker reads the proposals of candidate sources.
    """
    found = {"head": HEADS.version(config.ranking.head.kind)}
    found |= _of_features(config.ranking.features, "ranking")
    if asks_sources:
        found |= _of_names(SOURCES, _source_names(config))
    return {name: version for name, version in found.items() if version}


def versions_of_bundle(config: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts of a bundle, except its models."""
    own = config.composition
    found = _of_names(SOURCES, _source_names(config))
    found |= _of_names(RERANKERS, own.rerankers)
    return {name: version for name, version in found.items() if version}


def versions_of_evaluation(config: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts that an evaluation depends on."""
    found = _of_names(SOURCES, _source_names(config))
    found |= _of_names(RERANKERS, config.composition.rerankers)
    for parts in (METRICS, IMPRESSION_METRICS):
        found |= _of_names(parts, config.evaluation.metrics)
    return {name: version for name, version in found.items() if version}


def _source_names(config: Any) -> list[str]:
    return [name for name, _ in config.composition.sources]


def _of_names(parts: registry.Registry[Any], names: Iterable[str]) -> dict[str, str]:
    """Returns the version of each part by kind and name, empty of ytdnn's own."""
    return {f"{parts.noun} {name}": parts.version(name) for name in names}


def _of_features(chosen: Any, network: str) -> dict[str, str]:
    """Returns the versions of other packages' features that a network may read.

    Args:
      chosen: Features added to the default ones, and removed.
      network: Name of the network.
    """
    names = [
        name
        for name in FEATURES.outside()
        if name not in chosen.remove
        and (
            name in chosen.add
            or network in getattr(FEATURES[name].make, "default_in", ())
        )
    ]
    return _of_names(FEATURES, names)
