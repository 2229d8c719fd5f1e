"""The catalogue of all settings, read from the config dataclasses.

Names, defaults and help texts are defined only in `ytdnn.base.configs`; this module
reads them to check flags and to complete `--help`.
"""

import dataclasses
import functools
import typing
from collections.abc import Iterator
from typing import Any, Literal

from ytdnn.base import configs, docstrings
from ytdnn.base.configs import setting_types


@dataclasses.dataclass(frozen=True)
class Setting:
    """One leaf of the config.

    Attributes:
      key: Path of the setting, such as `candidates.training.epochs`.
      default: Default value.
      text: Help text.
      annotation: Type of its values.
      choices: Accepted texts; empty: any value of the type.
      kind: For a setting of one kind of a choice: the kind; empty: it always exists.
    """

    key: str
    default: Any
    text: str
    annotation: Any = str
    choices: tuple[str, ...] = ()
    kind: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it may be true or false."""
        return bool in (self.annotation, *typing.get_args(self.annotation))


def catalogue() -> dict[str, Setting]:
    """Returns every setting by its key, in the order of the dataclasses.

    A setting of several kinds of a choice is listed once.
    """
    first: dict[str, Setting] = {}
    for setting in listed():
        first.setdefault(setting.key, setting)
    return first


def listed() -> tuple[Setting, ...]:
    """Returns every setting; the settings of each kind follow the choice."""
    return _listed(sum(len(kinds) for kinds in configs.choices().values()))


@functools.cache
def _listed(num_kinds: int) -> tuple[Setting, ...]:
    del num_kinds  # a kind that is imported adds its settings
    return tuple(_settings(configs.Config(), ""))


def load_kinds() -> None:
    """Imports the kinds of all choices, including those of installed packages."""
    for kinds in configs.choices().values():
        kinds.load()


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
            yield Setting(key, value.kind, texts.get(field.name, ""), choices=names)
            for kind, cls in kinds.items():
                for own in _settings(cls(), f"{key}."):
                    yield dataclasses.replace(own, kind=kind)
        elif dataclasses.is_dataclass(value):
            yield from _settings(value, f"{key}.")
        elif field.name != configs.KIND:
            is_open = isinstance(value, tuple | bool)
            choices = () if is_open else _choices(field.type)
            yield Setting(key, value, texts.get(field.name, ""), field.type, choices)


def _choices(annotation: Any) -> tuple[str, ...]:
    """Returns the accepted texts of a type; empty if there are others."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if annotation is bool:
        return ("true", "false")
    for each in typing.get_args(annotation):
        if isinstance(each, setting_types.NameOf):
            return each.names()
    parts = [_choices(each) for each in typing.get_args(annotation)]
    return tuple(word for part in parts for word in part) if all(parts) else ()
