"""Components: dataclasses that are frozen, validated on construction, and closed.

A setting may be a choice between components, each with settings of its own: a union
annotated `BY_KIND`, whose members name themselves in a field `kind`.
"""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, dataclass_transform

import pydantic
from pydantic import dataclasses as pydantic_dataclasses

from ytdnn import errors

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
    """Makes a class a component: unknown keys, wrong types, bad values are refused.

    Constructing one raises `errors.SettingError`, one line.
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
            from ytdnn.configs import problems  # which knows all components

            raise errors.SettingError(problems.describe(error)) from None

    made.__init__ = init
    return made


def kinds(annotation: Any) -> dict[str, type]:
    """Returns the components that a setting chooses between, by kind; often none.

    Args:
      annotation: Type annotation of the setting.
    """
    union, *_ = typing.get_args(annotation) or (annotation,)
    members = typing.get_args(union)
    if not members or not all(map(dataclasses.is_dataclass, members)):
        return {}
    return {getattr(member, KIND): member for member in members}


def own_settings(component: Any) -> list[str]:
    """Returns the names of a component's settings, `kind` left out."""
    return [f.name for f in dataclasses.fields(component) if f.name != KIND]
