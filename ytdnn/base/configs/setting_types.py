"""Components: frozen dataclasses that are validated on construction.

A setting may be a choice between components, each with settings of its own: a union
annotated `BY_KIND`, or `OneOf` if a registry has more kinds. The field `kind` names the
component.
"""

import dataclasses
import functools
import json
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import pydantic
import pydantic_core
from pydantic import dataclasses as pydantic_dataclasses
from pydantic_core import core_schema

from ytdnn.base import errors, registry

_T = TypeVar("_T")

Fraction = Annotated[float, pydantic.Field(ge=0.0, lt=1.0)]
Share = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]
Positive = Annotated[int, pydantic.Field(gt=0)]
NonNegative = Annotated[int, pydantic.Field(ge=0)]
# What NumPy and TensorFlow take as a seed.
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**31)]
Rate = Annotated[float, pydantic.Field(gt=0.0, lt=1.0)]
PositiveFloat = Annotated[float, pydantic.Field(gt=0.0)]
NonNegativeFloat = Annotated[float, pydantic.Field(ge=0.0)]
KIND = "kind"
BY_KIND = pydantic.Field(discriminator=KIND)


@dataclass_transform(frozen_default=True)
def validated(cls: type[_T]) -> type[_T]:
    """Decorator of components: unknown keys, wrong types and bad values are refused.

    Construction then raises `errors.SettingError` with one line.
    """
    decorate: Callable[[type[_T]], Any] = pydantic_dataclasses.dataclass(
        frozen=True,
        config=pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
    )
    made = decorate(cls)
    construct = made.__init__

    @functools.wraps(construct)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            construct(self, *args, **kwargs)
        except pydantic.ValidationError as error:
            from ytdnn.base.configs import wording

            raise errors.SettingError(wording.describe(error)) from None

    made.__init__ = init
    return made


def names_of(*several: registry.Registry[Any]) -> pydantic.AfterValidator:
    """Returns the annotation of a tuple of names of registered parts, each once."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not any(name in parts for parts in several):
                raise ValueError(several[0].unknown(name))
        return tuple(dict.fromkeys(names))

    return pydantic.AfterValidator(check)


class Extension:
    """Base class of the settings of a part that a file or a package registers.

    Attributes:
      kind: Name of the part.
    """

    kind: str


@functools.cache
def without_settings(kind: str) -> type:
    """Returns the settings class of a registered part that declares none."""
    fields = {"__annotations__": {KIND: Literal[kind]}, KIND: kind}
    fields["__doc__"] = "It has no settings."
    return validated(type("NoSettings", (Extension,), fields))


class Kinds(Mapping[str, type]):
    """The components that a setting chooses between, by kind.

    Kinds of a registry are imported on first use.
    """

    def __init__(
        self, members: Mapping[str, type], parts: registry.Registry[Any] | None = None
    ) -> None:
        """Stores the members of the union, and the registry of further kinds."""
        self._members, self._union = dict(members), frozenset(members)
        self._parts = parts

    def __getitem__(self, kind: str) -> type:
        """Returns the class of a kind; imports it on first use."""
        if kind not in self._union and self._parts and kind in self._parts:
            self._members[kind] = self._parts[kind].config or without_settings(kind)
        return self._members[kind]

    def __iter__(self) -> Iterator[str]:
        """Returns an iterator over the imported kinds."""
        return iter(self._members)

    def __len__(self) -> int:
        """Returns the number of imported kinds."""
        return len(self._members)

    def names(self) -> tuple[str, ...]:
        """Returns all kinds, including those of the registry that are not imported."""
        others = self._parts.names() if self._parts else ()
        return tuple(dict.fromkeys([*self._members, *others]))

    def load(self) -> None:
        """Imports all kinds of the registry."""
        for kind in self.names():
            self.get(kind)


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Annotation of a choice: the members of a union, and the parts of a registry.

    Attributes:
      parts: The registry.
    """

    parts: registry.Registry[Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Returns the schema of the union, extended by the registry's kinds."""
        known = kinds(Annotated[source, self])
        members: Any = typing.Union[tuple(known.values())]  # noqa: UP007
        inner = handler.generate_schema(Annotated[members, BY_KIND])
        fixed = tuple(known)

        def validate(value: Any, union: Any, info: Any) -> Any:
            kind = value.get(KIND) if isinstance(value, dict) else _kind(value)
            if not isinstance(kind, str) or kind not in known:
                return union(value)
            if kind in fixed and info.mode != "json":
                return union(value)  # of JSON it would refuse lists for tuples
            return _validated_as(known[kind], kind, value, info.mode)

        return core_schema.with_info_wrap_validator_function(validate, inner)


@dataclasses.dataclass(frozen=True)
class NameOf:
    """Annotation of a text: the name of a part of a registry.

    Attributes:
      parts: The registry.
      more: Other accepted texts.
    """

    parts: registry.Registry[Any]
    more: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Returns all accepted texts."""
        return (*self.parts.names(), *self.more)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Returns the schema of a text that is checked against the registered names."""

        def check(value: str) -> str:
            if value in self.more or value in self.parts.own():
                return value  # without a look at installed packages
            if value in self.parts or value in self.parts.missing:
                return value  # a missing part is refused where it is used
            *first, last = map(repr, self.names())
            expected = f"{', '.join(first)} or {last}"
            raise pydantic_core.PydanticKnownError(
                "literal_error", {"expected": expected}
            )

        return core_schema.no_info_after_validator_function(check, handler(source))


def _kind(value: Any) -> str:
    """Returns the kind of a registered part's settings; empty for other values."""
    return getattr(value, KIND, "") if isinstance(value, Extension) else ""


def _validated_as(cls: type, kind: str, value: Any, mode: str) -> Any:
    """Returns a component of a registry; problems are located below its kind."""
    own: Any = cls
    schema = core_schema.tagged_union_schema(
        {kind: own.__pydantic_core_schema__}, discriminator=KIND
    )
    validator = pydantic_core.SchemaValidator(schema)
    if mode == "json":
        return validator.validate_json(json.dumps(value))
    return validator.validate_python(value)


def _is_base(member: Any) -> bool:
    """Whether a member of a union is a base class of registered settings."""
    return isinstance(member, type) and (
        issubclass(member, Extension) and not hasattr(member, KIND)
    )


def kinds(annotation: Any) -> Kinds:
    """Returns the components that a setting chooses between, by kind; often empty.

    Args:
      annotation: Type annotation of the setting.
    """
    union, *marks = typing.get_args(annotation) or (annotation,)
    members = [each for each in typing.get_args(union) if not _is_base(each)]
    if not members or not all(map(dataclasses.is_dataclass, members)):
        return Kinds({})
    parts = [mark.parts for mark in marks if isinstance(mark, OneOf)]
    named = {getattr(member, KIND): member for member in members}
    return Kinds(named, parts[0] if parts else None)


def classes(component: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the class of a component and those of its parts, each with its prefix.

    Args:
      component: The class.
      prefix: Path of its settings, such as `candidates.`.
    """
    yield prefix, component
    for field in dataclasses.fields(component):
        choice = kinds(field.type)
        for part in choice.values() if choice else (field.type,):
            if dataclasses.is_dataclass(part):
                yield from classes(part, f"{prefix}{field.name}.")


def own_settings(component: Any) -> list[str]:
    """Returns the names of a component's settings, `kind` left out."""
    return [f.name for f in dataclasses.fields(component) if f.name != KIND]


_TRAINING = {
    "schedule": "cosine",
    "clip_norm": 0.0,
    "ema_decay": 0.0,
    "checkpoint_every_steps": 2_000,
}
# Settings that 0.3 had and that are constants now, each with its value. The config of a
# run of 0.3 that has this value is read as before; a flag, a file or another value is
# an error. The code that reads the constant has its reason.
CONSTANTS: Mapping[str, Any] = {
    "data.min_search_token_count": 2,
    "data.ranking_validation_from": "",
    "candidates.bags": ["mean"],
    "candidates.kept_networks": "all",
    "candidates.serving_dim": 0,
    "candidates.loss.correct_positive": False,
    "candidates.window_events": 1 << 24,
    "ranking.window_events": 1 << 23,
    "ranking.attention_units": 0,
    "ranking.outcome_tower": [128, 64],
    "ranking.ensemble_size": 1,
    "ranking.head.weights": "seconds",
    "ranking.shared_table": True,
    "index.also": [],
    "index.search.dimensions_per_block": 2,
    "index.search.min_videos": 2_000,
    "composition.blend_weight": 0.0,
    "composition.explore_top": 50,
    "composition.young_days": 7.0,
    "evaluation.similarity_by": "",  # the first column of vectors, else topic, channel
    "evaluation.off_policy_most_weight": 0.0,  # no bound
    "evaluation.off_policy_pages": 1_000,
    "evaluation.window_events": 1 << 23,
    "cluster.start_seconds": 300,
    "cluster.lost_seconds": 60,
    "cluster.shard_megabytes": 64.0,
    **{f"candidates.training.{name}": value for name, value in _TRAINING.items()},
    **{f"ranking.training.{name}": value for name, value in _TRAINING.items()},
}


def is_constant(path: str, value: Any) -> bool:
    """Whether a setting is a constant and has its value.

    Args:
      path: Path of the setting, which may lack its section.
      value: Its value, as read from JSON.
    """
    return any(
        f".{known}".endswith(f".{path}") and value == own
        for known, own in CONSTANTS.items()
    )


def changeable(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the nested dicts of a config without the constants with their value.

    Args:
      values: The config or a section of it, as read from JSON.
      prefix: Path of these settings in it, such as `candidates.`.
    """
    return {
        name: changeable(value, f"{prefix}{name}.")
        if isinstance(value, dict)
        else value
        for name, value in values.items()
        if not is_constant(f"{prefix}{name}", value)
    }


def about_constant(path: str) -> str:
    """Returns the error about a constant that is set; empty for other settings."""
    return f"config.{path} is a constant now: leave it out" if path in CONSTANTS else ""
