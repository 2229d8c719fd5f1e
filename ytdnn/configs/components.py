"""What makes a dataclass a component: frozen, validated on construction, closed."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, dataclass_transform

import pydantic
from pydantic import dataclasses as pydantic_dataclasses

_T = TypeVar("_T")

Fraction = Annotated[float, pydantic.Field(ge=0.0, lt=1.0)]
Share = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]
Positive = Annotated[int, pydantic.Field(gt=0)]
NonNegative = Annotated[int, pydantic.Field(ge=0)]
Rate = Annotated[float, pydantic.Field(gt=0.0, lt=1.0)]
PositiveFloat = Annotated[float, pydantic.Field(gt=0.0)]
NonNegativeFloat = Annotated[float, pydantic.Field(ge=0.0)]


@dataclass_transform(frozen_default=True)
def validated(cls: type[_T]) -> type[_T]:
    """Makes a class a component: unknown keys, wrong types, bad values are refused."""
    decorate: Callable[[type[_T]], Any] = pydantic_dataclasses.dataclass(
        frozen=True,
        config=pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
    )
    return decorate(cls)
