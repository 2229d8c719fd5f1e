"""The settings of a whole run, and components as plain dicts and back."""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import pydantic

from ytdnn.base import errors, registries, registry
from ytdnn.base.configs import by_size, networks, setting_types
from ytdnn.base.configs import candidates as candidates_config
from ytdnn.base.configs import data as data_config
from ytdnn.base.configs import evaluation as evaluation_config
from ytdnn.base.configs import ranking as ranking_config
from ytdnn.base.configs import serving as serving_config

_T = TypeVar("_T")


def _extended(files: tuple[str, ...]) -> tuple[str, ...]:
    """Registers the parts of some files."""
    for file in files:
        registry.extend(file)
    return files


@setting_types.validated
class Config:
    """A whole run: one component for each stage.

    If `candidates` or `ranking` is left out, its settings are chosen for the log
    (docs/defaults.md).

    Attributes:
      extensions: Python files of the user's own that register losses, candidate
        sources, metrics and other parts (docs/extending.md).
      data: Source, filters, split.
      candidates: Candidate generation.
      index: Nearest-neighbour search.
      ranking: Ranking.
      composition: Composition of a slate from candidates.
      evaluation: Offline evaluation.
      seed: Seed of every draw in training.
      strategy: Devices: `none` (one), `mirrored` (all local), `multi_worker` (those of
        several processes, in step), `parameter_server` (tables sharded, each worker on
        its own; docs/scale.md) or `tpu`.
      cluster: Settings of training by several processes.
      refresh: Settings of continued training of another run's models (`ytdnn refresh`).
      advance: Up to when trained models go on learning: `test`, the start of the test
        window (temporal), for what is measured; `end`, also the end of the log
        (temporal or leave_one_out), for what is served, unless that surely lost on the
        test; or `none`.
      refit: Whether the bundle has models that are trained again to the end of the log,
        for as many epochs as the best ones of the evaluated models.
    """

    extensions: Annotated[
        tuple[str, ...], pydantic.AfterValidator(_extended)
    ] = ()  # first, since the other settings may name parts of them
    data: data_config.DataConfig = data_config.DataConfig()
    candidates: candidates_config.CandidatesConfig = candidates_config.CandidatesConfig(
        auto=by_size.OF_CANDIDATES
    )
    index: serving_config.IndexConfig = serving_config.IndexConfig()
    ranking: ranking_config.RankingConfig = ranking_config.RankingConfig(
        auto=by_size.OF_RANKING
    )
    composition: serving_config.CompositionConfig = serving_config.CompositionConfig()
    evaluation: evaluation_config.EvaluationConfig = (
        evaluation_config.EvaluationConfig()
    )
    seed: setting_types.Seed = 0
    strategy: Annotated[str, setting_types.NameOf(registries.STRATEGIES)] = "none"
    cluster: networks.ClusterConfig = networks.ClusterConfig()
    refresh: networks.RefreshConfig = networks.RefreshConfig()
    advance: Literal["end", "test", "none"] = "end"
    refit: bool = False


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a component as nested plain dicts (tuples stay tuples)."""
    return dataclasses.asdict(config)


_RULES: dict[str, Callable[[by_size.LogSize, Any], dict[str, Any]]] = {
    "candidates": lambda size, own: _candidate_settings(size, own),
    "ranking": lambda size, own: by_size.ranking(size),
}


def _candidate_settings(
    size: by_size.LogSize, own: candidates_config.CandidatesConfig
) -> dict[str, Any]:
    """Returns the settings of the contest's winner, or of `by_size.UNCONTESTED`."""
    fitting = by_size.members(size, own)
    names = (size.member if own.contest else "", by_size.UNCONTESTED, *fitting)
    values = next(fitting[name] for name in names if name in fitting)
    name = "training.table_optimizer"
    given = set(by_size.OF_CANDIDATES) - set(own.auto)
    if name in given and own.training.table_optimizer != values[name]:
        values |= by_size.STEPS_OF_TABLES[own.training.table_optimizer]
    return values


def chosen(config: Config, size: by_size.LogSize) -> dict[str, Any]:
    """Returns the settings of a run that follow the size of its log, by path.

    Args:
      config: Config of the run; its `auto` names these settings.
      size: Size of the log.
    """
    return {
        f"{section}.{name}": value
        for section, rule in _RULES.items()
        for name, value in rule(size, getattr(config, section)).items()
        if name in getattr(config, section).auto
    }


def resolved(config: Config, size: by_size.LogSize) -> Config:
    """Returns a run with values for the settings that follow the size of its log.

    The settings stay in `auto`, so that another log gets other values.

    Args:
      config: Config of the run.
      size: Size of the log.
    """
    filled = {}
    for section, rule in _RULES.items():
        own = getattr(config, section)
        filled[section] = by_size.filled(own, own.auto, rule(size, own))
    return dataclasses.replace(config, **filled)


def with_own(config: Config, given: Iterable[str]) -> Config:
    """Returns a run with given settings removed from those chosen by size.

    Args:
      config: Config of the run.
      given: Paths of settings.
    """
    left = {section: getattr(config, section).auto for section in _RULES}
    for key in given:
        section, _, name = key.partition(".")
        if section in left:
            left[section] = by_size.left(left[section], name)
    changed = {
        section: dataclasses.replace(getattr(config, section), auto=auto)
        for section, auto in left.items()
    }
    return dataclasses.replace(config, **changed)


@errors.checked
def changed(config: _T, settings: Mapping[str, Any]) -> _T:
    """Returns a config with some settings changed.

    Changed settings of a whole `Config` are no longer chosen for the log.

    Args:
      config: A `Config`, or one component of it.
      settings: New values by path, such as `{"candidates.tower": (256, 128)}`; a path
        may name a whole component.

    Raises:
      SettingError: A setting that the config does not have.

    >>> from ytdnn import configs
    >>> wide = changed(configs.Config(), {"candidates.tower": (1024, 512), "seed": 3})
    >>> wide.candidates.tower, wide.seed, "tower" in wide.candidates.auto
    ((1024, 512), 3, False)
    """
    config = _replaced(config, settings)
    if isinstance(config, Config):
        inside = (path for path in settings if "." in path)
        return with_own(config, inside)  # type: ignore[return-value]
    return config


def _replaced(config: _T, settings: Mapping[str, Any]) -> _T:
    whole: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {}
    for path, value in settings.items():
        name, _, rest = path.partition(".")
        if rest:
            inside.setdefault(name, {})[rest] = value
        else:
            whole[name] = value
    for name, values in inside.items():
        part = whole.get(name, getattr(config, name, None))
        # What there is not is refused below, by its name.
        whole[name] = values if part is None else _replaced(part, values)
    return dataclasses.replace(config, **whole)  # type: ignore[type-var]


def quickstart() -> Config:
    """Returns the config of `ytdnn run` without a config, and of `make run`."""
    return Config(data=data_config.DataConfig(world=data_config.WORLDS["quickstart"]))


def section_of(class_name: str) -> str:
    """Returns the section of the config with a class, by the class's name.

    >>> section_of("CandidatesConfig")
    'candidates'
    """
    return class_name.removesuffix("Config").lower()


@errors.checked
def sized(cls: type[_T], **given: Any) -> _T:
    """Returns a component with all settings except the given ones chosen by size.

    Args:
      cls: `CandidatesConfig` or `RankingConfig`.
      **given: Settings of the user; in `training`, those that differ from the defaults.
    """
    known = "CandidatesConfig", "RankingConfig"
    errors.require_known([cls.__name__], known, "components", "configs.sized()")
    names = getattr(Config(), section_of(cls.__name__)).auto
    auto = tuple(name for name in names if not _is_given(name, given))
    values: dict[str, Any] = {**given, "auto": auto}
    return cls(**values)


def _is_given(name: str, given: Mapping[str, Any]) -> bool:
    """Whether a setting, such as `tower` or `training.epochs`, is given."""
    parent, _, last = name.partition(".")
    if parent not in given or not last:
        return parent in given
    own = given[parent]
    return bool(getattr(own, last, None) != getattr(type(own)(), last, None))


def as_trained(component: Any) -> dict[str, Any]:
    """Returns a component as nested dicts, without settings that do not change results.

    These are `auto`, whether there was a contest, the number of steps of a call, and
    whether a trained ranker is served.
    """
    unread = ("auto", "contest")
    values = {k: v for k, v in to_dict(component).items() if k not in unread}
    if "enabled" in values:
        values["enabled"] = True
    if "training" in values:
        values["training"].pop("steps_per_execution")
    return values


def component(cls: type[_T], values: dict[str, Any]) -> _T:
    """Returns a validated component from nested dicts, as read from a manifest.

    Raises:
      pydantic.ValidationError: Unknown keys or bad values, each with its path.
    """
    known = json.dumps(setting_types.changeable(values))
    return pydantic.TypeAdapter(cls).validate_json(known)


def from_dict(values: dict[str, Any]) -> Config:
    """Returns the validated `Config` from nested dicts, as read from JSON.

    Raises:
      pydantic.ValidationError: An unknown key or a bad value.
    """
    return component(Config, values)


@functools.cache
def choices() -> dict[str, setting_types.Kinds]:
    """Returns the components of each choice of a run, by path and kind."""
    kinds_by_path = {
        prefix + field.name: setting_types.kinds(field.type)
        for prefix, cls in setting_types.classes(Config)
        for field in dataclasses.fields(cls)
    }
    return {path: kinds for path, kinds in kinds_by_path.items() if kinds}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested dicts as one dict by path, with the names of settings.

    The value of a choice is its kind, and its settings follow; tuples become lists, as
    in JSON.

    >>> flat({"candidates": {"loss": {"label_smoothing": 0.1, "kind": "full_softmax"}}})
    {'candidates.loss': 'full_softmax', 'candidates.loss.label_smoothing': 0.1}
    """
    by_path: dict[str, Any] = {}
    for name, value in values.items():
        path = prefix + name
        if isinstance(value, Mapping):
            if setting_types.KIND in value:
                by_path[path] = value[setting_types.KIND]
            by_path |= flat(value, f"{path}.")
        elif name != setting_types.KIND:
            by_path[path] = _as_json(value)
    return by_path


def _as_json(value: Any) -> Any:
    """Returns a value with lists for tuples, also for tuples of tuples."""
    return [_as_json(each) for each in value] if isinstance(value, tuple) else value


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Returns the differences between nested dicts, by path as in `flat`.

    A setting of `before` that is a constant now, of its value, is none, and neither is
    one that `before` did not have and that is empty, 0 or false: what is new and off.

    >>> differences({"seed": 0, "k": 10}, {"seed": 3, "k": 10, "name": "mine"})
    {'seed': 'was 0, is 3', 'name': "was absent, is 'mine'"}
    """
    old = flat(before)
    new = {path: v for path, v in flat(after).items() if path in old or v}
    old = {
        k: v for k, v in old.items() if k in new or not setting_types.is_constant(k, v)
    }
    absent = object()
    both = {path: (old.get(path, absent), new.get(path, absent)) for path in old | new}
    written = {
        path: ["absent" if value is absent else repr(value) for value in values]
        for path, values in both.items()
        if values[0] != values[1]
    }
    return {path: f"was {was}, is {now}" for path, (was, now) in written.items()}


def defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the default of every setting by its path.

    Args:
      settings: Settings by path; they select the kind of each choice.
    """
    values = flat(to_dict(Config()))
    for path, kinds in choices().items():
        chosen = kinds.get(str(settings.get(path)))
        if chosen is not None:
            values = {k: v for k, v in values.items() if not k.startswith(f"{path}.")}
            own = flat(to_dict(chosen()))
            values |= {f"{path}.{name}": value for name, value in own.items()}
    return values
