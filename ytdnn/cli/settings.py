"""The catalogue of all settings, read from the config dataclasses.

Names, defaults and words of help have one home, `ytdnn.configs`; this module only
reads them, so that a flag can be checked and `--help` be complete.
"""

import dataclasses
import functools
import typing
from typing import Any

from ytdnn import configs, docstrings


@dataclasses.dataclass(frozen=True)
class Setting:
    """One leaf of the config.

    Attributes:
      key: Its path, as `candidates.training.epochs`.
      default: Its default.
      text: What it means.
      choices: The values it can take, empty where any of its type.
      holds_text: Whether it is a text or a tuple of texts.
    """

    key: str
    default: Any
    text: str
    choices: tuple[str, ...]
    holds_text: bool


@functools.cache
def catalogue() -> dict[str, Setting]:
    """Returns every setting by its key, in the order of the dataclasses."""
    return {setting.key: setting for setting in _settings(configs.Config(), "")}


def _settings(component: Any, prefix: str) -> list[Setting]:
    texts = docstrings.attributes(type(component))
    found = []
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        key = prefix + field.name
        if dataclasses.is_dataclass(value):
            found += _settings(value, f"{key}.")
        else:
            found.append(_setting(key, value, texts[field.name], field.type))
    return found


def _setting(key: str, default: Any, text: str, annotation: Any) -> Setting:
    arguments = typing.get_args(annotation)
    is_choice = typing.get_origin(annotation) is typing.Literal
    return Setting(
        key=key,
        default=default,
        text=text,
        choices=arguments if is_choice else (),
        holds_text=annotation is str or _is_text(arguments[:1]),
    )


def _is_text(items: tuple[Any, ...]) -> bool:
    """Returns whether a tuple's item type is text, or one of several texts."""
    return items == (str,) or any(typing.get_origin(i) is typing.Literal for i in items)
