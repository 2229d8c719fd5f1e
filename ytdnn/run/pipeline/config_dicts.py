"""Settings as nested dicts: validates them, and compares them by their names."""

from typing import Any

import pydantic

from ytdnn.base import configs, errors
from ytdnn.base.configs import problems


def validated(values: dict[str, Any], origin: str) -> configs.Config:
    """Returns the config from nested dicts.

    Args:
      values: Settings; missing ones take their default.
      origin: Source of the settings, for the error.

    Raises:
      errors.UserError: Unknown keys or bad values, each named with its path.
    """
    try:
        return configs.from_dict(values)
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{problems.describe(error)} ({origin})") from None
    except TypeError as error:
        raise errors.UserError(
            f"expected settings of plain numbers, texts and tuples, received another "
            f"({error}) ({origin})"
        ) from None


def differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> list[str]:
    """Returns a phrase `config.KEY was OLD, is NEW` for each setting that differs.

    Args:
      old: Nested dicts.
      new: Nested dicts.
      prefix: Prefix that their keys need to be settings.
    """
    keys = configs.differences(old, new)
    return [
        f"config.{prefix}{key} {how}"
        for key, how in keys.items()
        if key.rpartition(".")[0] not in keys  # settings of a kind changed with it
    ]
