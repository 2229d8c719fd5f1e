"""The registries of ytdnn: the kinds of parts that a package or a file can add.

docs/extending.md describes the registries for users. Each names the modules of ytdnn's
own parts. `HOOKS` has the functions of the laboratory and of operations that the core
calls.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ytdnn.base import registry

# Names of ytdnn's own parts by module, which is imported when one is used.
_OWN: dict[str, dict[str, str]] = {
    "losses": {
        "candidates.losses.sampled_softmax": "sampled_softmax",
        "candidates.losses.full_softmax": "full_softmax",
    },
    "heads": {
        "ranking.heads": "weighted_logistic, click",
        "ranking.click_times_watch_time": "click_times_watch_time",
    },
    "logs": {
        "log.sources.kuairand": "kuairand",
        "log.sources.own_tables": "log",
        "log.sources.movielens": "movielens",
        "lab.sources.world": "world",
    },
    "indexes": {
        "retrieval.index.brute_force": "exact",
        "retrieval.index.ivf": "ivf",
        "retrieval.index.scann_index": "scann",
    },
    "candidate_models": {
        "retrieval.counted_models": "recent_popularity, markov, own_watches, co_watch",
        "retrieval.matrix_models": (
            "item_neighbours, rp3beta, ease, user_neighbours, als"
        ),
    },
    "sources": {
        "retrieval.co_watch": "co_watch",
        "retrieval.fresh_uploads": "fresh_uploads",
        "retrieval.counted_models": "popular",
    },
    "metrics": {
        "base.metrics.catalogue": "popularity_complement",
        "base.metrics.recall_and_ndcg": "recall, precision, hit_rate, map, ndcg, mrr",
        "base.metrics.watch_time_of_hits": (
            "hit_watch_seconds, watch_time_recall, watch_time_ndcg"
        ),
    },
    "report_sections": {
        "lab.pages.background_sections": "making",
        "lab.pages.list_sections": "lists",
        "lab.pages.impression_sections": "ranker",
    },
    "trackers": {
        "lab.tracking.mlflow_tracker": "mlflow",
        "lab.tracking.wandb_tracker": "wandb",
    },
    "commands": {
        "run.cli.parts_command": "parts",
        "lab.cli.experiments": "experiments",
        "lab.cli.live": "live",
        "lab.cli.study": "study",
        "lab.cli.sweep": "sweep",
        "lab.cli.backtest": "backtest",
        "lab.cli.tune": "index tune",
        "lab.cli.world": "world",
        "ops.cli.cluster": "cluster",
        "ops.cli.catalogue": "index add, index remove, index restore",
        "ops.cli.retraining": "refit, refresh",
        "ops.cli.serve": "counters, join-log, serve",
    },
    "steps": {"ops.refit.refitting": "refit"},
    "strategies": {
        "training.device_strategy": "none",
        "ops.cluster.strategies": "mirrored, multi_worker, parameter_server, tpu",
    },
    "hooks": {
        "lab.index_tuning.tuning": "tune_index",
        "lab.live.live_tests": "live_test",
        "lab.off_policy.judged_systems": "off_policy",
        "lab.pages.evaluation_page": "page",
        "lab.pages.example_users": "examples",
        "lab.pages.index_tuning_page": "index_tuning",
        "lab.truth.oracle": "truth of world",
        "ops.catalogue.add_videos": "add_videos",
        "ops.catalogue.remove_videos": "remove_videos, restore_videos",
        "ops.cluster.tasks": "role of multi_worker, role of parameter_server",
        "ops.refit.refitting": "refit",
        "ops.refresh.refreshing": "refresh",
        "ops.spark.on_spark": "spark",
        "ops.state.counter_state": "live_state",
    },
}
_R = TypeVar("_R", bound=registry.RegisteredPart)


def _registry(kind: str, noun: str, cls: type[_R]) -> registry.Registry[_R]:
    modules = {f"ytdnn.{at}": names for at, names in _OWN.get(kind, {}).items()}
    return registry.Registry(f"ytdnn.{kind}", noun, cls, modules)


_PLAIN = registry.RegisteredPart


@dataclasses.dataclass(frozen=True)
class RegisteredLoss(registry.RegisteredPart):
    """A retrieval loss, see `ytdnn.candidates.losses`.

    Attributes:
      head: Factory of the head that maps rows of the video table to videos, (config,
        number of videos) → head; None: row i is video i.
    """

    head: Callable[..., Any] | None = None


LOSSES = _registry("losses", "loss", RegisteredLoss)


HEADS = _registry("heads", "head", _PLAIN)


@dataclasses.dataclass(frozen=True)
class RegisteredLog(registry.RegisteredPart):
    """A source of event logs, `configs.DataConfig` → `event_log.EventLog`.

    Attributes:
      settings: Settings of `data` that other sources refuse.
    """

    settings: tuple[str, ...] = ()


LOGS = _registry("logs", "source of logs", RegisteredLog)

LABELS = _registry("labels", "kind of label", _PLAIN)

ENCODERS = _registry("encoders", "encoder", _PLAIN)

INDEXES = _registry("indexes", "kind of index", _PLAIN)


CANDIDATE_MODELS = _registry("candidate_models", "candidate model", _PLAIN)


@dataclasses.dataclass(frozen=True)
class RegisteredSource(registry.RegisteredPart):
    """A candidate source, (number of places, prepared set) → `interface.Source`.

    Attributes:
      exists: Whether a prepared set has the columns it needs; None: every set has.
      reads_time: Whether it reads the time of the request.
    """

    exists: Callable[[Any], bool] | None = None
    reads_time: bool = False


SOURCES = _registry("sources", "candidate source", RegisteredSource)


RERANKERS = _registry("rerankers", "re-ranker", _PLAIN)

FEATURES = _registry("features", "feature", _PLAIN)


@dataclasses.dataclass(frozen=True)
class RegisteredImpressionMetric(registry.RegisteredPart):
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
        (`ytdnn.base.metrics.recall_and_ndcg`), `seconds` and those of the right answers
        (`ytdnn.base.metrics.watch_time_of_hits`), or the `lists`
        (`ytdnn.base.metrics.ranked_lists`).
      is_default: Whether it is measured even if `evaluation.metrics` does not name it.
    """

    inputs: str = "lists"
    is_default: bool = False


METRICS = _registry("metrics", "metric", RegisteredMetric)

IMPRESSION_METRICS = _registry(
    "impression_metrics", "metric of impressions", RegisteredImpressionMetric
)


@dataclasses.dataclass(frozen=True)
class RegisteredSection(registry.RegisteredPart):
    """Sections of the page of an evaluation: report → iterator of `page.Section`.

    Attributes:
      place: Place on the page; ytdnn uses 10 (lists), 20 (ranker) and 90 (settings and
        environment of the run).
    """

    place: int = 50


REPORT_SECTIONS = _registry("report_sections", "report section", RegisteredSection)

TRACKERS = _registry("trackers", "tracker", _PLAIN)

COMMANDS = _registry("commands", "command", _PLAIN)


@dataclasses.dataclass(frozen=True)
class RegisteredSteps(registry.RegisteredPart):
    """Steps that are added to a run, `configs.Config` → a tuple of `graph.Step`.

    Attributes:
      note: Function from (config, workdir) to a note on the run's evaluation, which may
        be empty; None: no note.
    """

    note: Callable[[Any, Any], str] | None = None


STEPS = _registry("steps", "step of a run", RegisteredSteps)


STRATEGIES = _registry("strategies", "strategy", _PLAIN)

HOOKS = _registry("hooks", "function of ytdnn", _PLAIN)


def every() -> dict[str, registry.Registry[Any]]:
    """Returns all registries by the last part of their group, such as `losses`."""
    registries = (v for v in globals().values() if isinstance(v, registry.Registry))
    return {each.group.rpartition(".")[2]: each for each in registries}


def versions(candidates: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts that a candidate model is made of.

    Like settings, they decide whether a trained model is current.

    Args:
      candidates: Settings of the candidate model.
    """
    versions = {
        "loss": LOSSES.version(candidates.loss.kind),
        "label": LABELS.version(candidates.label.kind),
        "encoder": ENCODERS.version(candidates.encoder.kind),
        "model": CANDIDATE_MODELS.version(candidates.model.kind),
    }
    versions |= _feature_versions(candidates.features, "candidates")
    if candidates.content.enabled:
        versions |= _feature_versions(candidates.content.features, "candidates.content")
    return _foreign(versions)


def versions_of_ranker(config: Any, asks_sources: bool) -> dict[str, str]:
    """Returns the versions of other packages' parts that a ranker is made of.

    Args:
      config: Config of the run.
      asks_sources: Whether the ranker reads the proposals of candidate sources.
    """
    versions = {"head": HEADS.version(config.ranking.head.kind)}
    versions |= _feature_versions(config.ranking.features, "ranking")
    if asks_sources:
        versions |= _source_versions(config)
    return _foreign(versions)


def versions_of_bundle(config: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts of a bundle, except its models."""
    return _source_versions(config) | _versions(RERANKERS, config.composition.rerankers)


def versions_of_evaluation(config: Any) -> dict[str, str]:
    """Returns the versions of other packages' parts that an evaluation depends on."""
    versions = versions_of_bundle(config)
    for parts in (METRICS, IMPRESSION_METRICS):
        versions |= _versions(parts, config.evaluation.metrics)
    return versions


def _foreign(versions: dict[str, str]) -> dict[str, str]:
    """Returns those that are not empty, as those of ytdnn's own parts are."""
    return {name: version for name, version in versions.items() if version}


def _source_versions(config: Any) -> dict[str, str]:
    return _versions(SOURCES, [name for name, _ in config.composition.sources])


def _versions(parts: registry.Registry[Any], names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of other packages' parts, by kind and name."""
    return _foreign({f"{parts.noun} {name}": parts.version(name) for name in names})


def _feature_versions(chosen: Any, network: str) -> dict[str, str]:
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
    return _versions(FEATURES, names)
