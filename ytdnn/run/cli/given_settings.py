"""Settings of a command line, from their texts: `a,b` is a tuple."""

import ast
import contextlib
import functools
import operator
import re
from collections.abc import Callable
from typing import Any

from ytdnn.base import configs, errors
from ytdnn.base.configs import problems
from ytdnn.run.cli import settings
from ytdnn.run.pipeline import config_dicts

_ORIGIN = "on the command line"
_COMMAS = re.compile(r",")
# Names of files and columns may hold commas.
_BETWEEN = {
    "data.columns": re.compile(r",(?=\s*\w+\.\w+=)"),
    "data.files": re.compile(r",(?=\s*\w+=)"),
}
_SWITCHES = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def apply(config: configs.Config, overrides: dict[str, str]) -> configs.Config:
    """Returns the config with settings replaced by the values of their texts.

    Choices are applied first, in any order of flags: a new kind begins with its
    defaults, and the other settings belong to the chosen kinds.

    Raises:
      errors.UserError: A text is no value of its setting, or the chosen kind does not
        have the setting.
    """
    if not overrides:
        return config
    plain = configs.to_dict(configs.with_own(config, overrides))
    kinds = configs.choices()
    for key in sorted(overrides, key=lambda key: key not in kinds):
        part, name = _place(plain, key)
        if key in kinds:
            part[name] = _of_kind(key, overrides[key], part[name])
        else:
            part[name] = _value(key, overrides[key])
    return config_dicts.validated(plain, _ORIGIN)


def _place(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """Returns the nested dict with a setting, and the setting's name in it."""
    path, _, name = key.rpartition(".")
    part = functools.reduce(operator.getitem, path.split(".") if path else [], values)
    if name not in part:
        raise errors.UserError(problems.not_of_kind(path, part[configs.KIND], name))
    return part, name


def _of_kind(path: str, kind: str, before: dict[str, Any]) -> dict[str, Any]:
    """Returns a choice, of its defaults if it is of another kind than before."""
    known = configs.choices()[path]
    if kind not in known:
        raise _refusal(path, f"to be one of {', '.join(known.names())}", kind)
    return before if before[configs.KIND] == kind else configs.to_dict(known[kind]())


def _value(key: str, text: str) -> Any:
    """Returns the value of a setting from its text."""
    setting = settings.catalogue()[key]
    if not isinstance(setting.default, tuple):
        return _scalar(setting, text)
    if text[:1] in tuple("(['\""):
        return _literal(setting, text, text)
    parts = entries(key, text)
    if key == "composition.sources":
        return tuple(map(_source, parts))
    if str in setting.types:
        return tuple(parts)
    return _literal(setting, f"({','.join(parts)},)" if parts else "()", text)


def _scalar(setting: settings.Setting, text: str) -> Any:
    """Returns a number, a text, true or false."""
    word = text.lower()
    if setting.types == (str,):
        return text
    if setting.is_switch and word in _SWITCHES:
        return _SWITCHES[word]
    if word in setting.words:
        return word
    readers = [_READERS[kind] for kind in setting.types if kind in _READERS]
    for _, read in readers:
        with contextlib.suppress(ValueError):
            return read(text)
    if setting.choices:
        expected = f"one of {', '.join(setting.choices)}"
    else:
        others = [*setting.words, *(words for words, _ in readers)]
        expected = " or ".join(others or ["true or false"])
    raise _refusal(setting.key, f"to be {expected}", text)


def _whole(text: str) -> int:
    return int(text, 16 if text.lower().startswith("0x") else 10)


_READERS: dict[type, tuple[str, Callable[[str], Any]]] = {
    int: ("a whole number", _whole),
    float: ("a number", float),
}


def _literal(setting: settings.Setting, text: str, given: str) -> Any:
    """Returns a tuple from its text in Python."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        is_text = str in setting.types
        some = "texts such as 'a','b'" if is_text else "numbers such as 10,50,100"
        raise _refusal(setting.key, f"to be {some}", given) from None


def _source(text: str) -> tuple[str, float]:
    """Returns a candidate source and its share, of a text as `fresh_uploads=0.2`."""
    name, _, share = text.partition("=")
    try:
        return name.strip(), float(share)
    except ValueError:
        key, expected = "composition.sources", "as fresh_uploads=0.2,popular=0.1"
        raise _refusal(key, expected, text) from None


def entries(key: str, value: str) -> list[str]:
    """Returns the members of a tuple; names of files and columns may hold commas.

    Args:
      key: Name of the setting.
      value: Value as typed.
    """
    parts = _BETWEEN.get(key, _COMMAS).split(value)
    return [part if key in _BETWEEN else part.strip() for part in parts if part.strip()]


def _refusal(key: str, expected: str, text: str) -> errors.UserError:
    return errors.UserError(
        f"expected config.{key} {expected}, received {text!r} ({_ORIGIN})"
    )
