"""Request keys that exclude videos from an answer, each a registered part."""

import abc
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, errors, registries
from ytdnn.log import fields, prepared


class RequestField(tf.Module, abc.ABC):
    """A key of requests, read in every exported graph that makes lists.

    Attributes:
      field: Its name, type and value for missing, as signatures have them.
    """

    field: fields.Field

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Accepts `barred`, the name of `excluded` in parts written for 0.2."""
        super().__init_subclass__(**kwargs)
        if "barred" in vars(cls) and "excluded" not in vars(cls):
            warnings.warn(
                f"{cls.__name__}.barred: name it excluded; barred is read until 0.3",
                DeprecationWarning,
                stacklevel=2,
            )
            setattr(cls, "excluded", vars(cls)["barred"])  # noqa: B010

    @abc.abstractmethod
    def excluded(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the videos that requests leave out, `[batch, n] int32`, 0 = none.

        Args:
          values: Values of the key, `[batch]`, or `[batch, length]` of a list.
        """


def from_config(
    config: configs.CompositionConfig, data: prepared.PreparedData
) -> list[RequestField]:
    """Returns the fields that a composition names.

    Raises:
      errors.UserError: The log lacks the columns of one.
    """
    found = []
    for name in config.request_fields:
        part = registries.REQUEST_FIELDS[name]
        if part.exists is not None and not part.exists(data):
            raise errors.UserError(
                f"expected the columns of config.composition.request_fields={name} in "
                f"the log, found none in {data.directory}: add them, or leave it out"
            )
        found.append(part.make(data))
    return found


def excluded(
    several: Sequence[RequestField], raw: Mapping[str, tf.Tensor]
) -> list[tf.Tensor]:
    """Returns the videos that the given fields leave out, `[batch, n] int32`."""
    return [
        each.excluded(raw[each.field.name])
        for each in several
        if each.field.name in raw
    ]
