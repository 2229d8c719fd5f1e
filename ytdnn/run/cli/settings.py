"""The catalogue of all settings, read from the config dataclasses.

Names, defaults and help texts are defined only in `ytdnn.base.configs`; this module
reads them to check flags and to complete `--help`.
"""

import dataclasses
import functools
import typing
from collections.abc import Iterator
from typing import Any

from ytdnn.base import configs
from ytdnn.base.configs import components
from ytdnn.evaluation import docstrings


@dataclasses.dataclass(frozen=True)
class Setting:
    """One leaf of the config.

    Attributes:
      key: Path of the setting, such as `candidates.training.epochs`.
      default: Default value.
      text: Help text.
      choices: Accepted values; empty: any value of the types.
      types: Types of its values, or of the members of a tuple.
      words: Texts that it may be besides a number, true or false.
      kind: For a setting of one kind of a choice: the kind; empty: it always exists.
    """

    key: str
    default: Any
    text: str
    choices: tuple[str, ...]
    types: tuple[type, ...]
    words: tuple[str, ...] = ()
    kind: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it may be true or false."""
        return bool in self.types


def catalogue() -> dict[str, Setting]:
    """Returns every setting by its key, in the order of the dataclasses.

    A setting of several kinds of a choice is listed once.
    """
    return _catalogue(_num_kinds())


@functools.cache
def _catalogue(num_kinds: int) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for setting in _listed(num_kinds):
        found.setdefault(setting.key, setting)
    return found


def listed() -> tuple[Setting, ...]:
    """Returns every setting; the settings of each kind follow the choice."""
    return _listed(_num_kinds())


@functools.cache
def _listed(num_kinds: int) -> tuple[Setting, ...]:
    del num_kinds
    return tuple(_settings(configs.Config(), ""))


def _num_kinds() -> int:
    """Returns how many kinds are imported: with each, settings are added."""
    return sum(len(kinds) for kinds in configs.choices().values())


def load_kinds() -> None:
    """Imports the kinds of all choices, including those of installed packages."""
    for kinds in configs.choices().values():
        kinds.load()


@functools.cache
def by_size() -> frozenset[str]:
    """Returns the keys of settings that by default follow the size of the log."""
    config = configs.Config()
    sections = {"candidates": config.candidates.auto, "ranking": config.ranking.auto}
    return frozenset(f"{k}.{name}" for k, auto in sections.items() for name in auto)


def _settings(component: Any, prefix: str) -> Iterator[Setting]:
    texts = docstrings.attributes(type(component))
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        key = prefix + field.name
        kinds = configs.choices().get(key)
        if kinds:
            names = kinds.names()
            yield Setting(key, value.kind, texts[field.name], names, (str,))
            for kind, cls in kinds.items():
                for own in _settings(cls(), f"{key}."):
                    yield dataclasses.replace(own, kind=kind)
        elif dataclasses.is_dataclass(value):
            yield from _settings(value, f"{key}.")
        elif field.name != configs.KIND:
            yield _setting(key, value, texts[field.name], field.type)


def _setting(key: str, default: Any, text: str, annotation: Any) -> Setting:
    types = tuple(dict.fromkeys(_types(annotation)))
    arguments = typing.get_args(annotation)
    parts = [each for each in arguments if isinstance(each, components.NameOf)]
    literals = [each for each in (annotation, *arguments) if _is_literal(each)]
    words = tuple(word for each in literals for word in typing.get_args(each))
    if isinstance(default, tuple) or int in types or float in types:
        choices: tuple[str, ...] = ()
    elif parts:
        choices = parts[0].names()
    else:
        choices = (*words, "true", "false") if words and bool in types else words
    return Setting(key, default, text, choices, types, words)


def _is_literal(annotation: Any) -> bool:
    return typing.get_origin(annotation) is typing.Literal


def _types(annotation: Any) -> Iterator[type]:
    """Yields the types of a setting's values, or of the members of a tuple."""
    arguments = typing.get_args(annotation)
    if _is_literal(annotation):
        yield from map(type, arguments)
    elif typing.get_origin(annotation) is typing.Annotated:
        yield from _types(arguments[0])
    elif arguments:
        for each in arguments:
            yield from _types(each)
    elif isinstance(annotation, type):
        yield annotation
