"""A config with some settings changed, named as on the command line."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from ytdnn.base.configs import run

_T = TypeVar("_T")


def changed(config: _T, settings: Mapping[str, Any]) -> _T:
    """Returns a config with some settings changed.

    Changed settings of a whole `Config` are no longer chosen from the size of the log.

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
    if isinstance(config, run.Config):
        inside = (path for path in settings if "." in path)
        return run.with_own(config, inside)  # type: ignore[return-value]
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
