"""Settings of a command line, from their texts: `a,b` is a tuple."""

import ast
import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from absl import flags
from ml_collections import config_dict, config_flags

from ytdnn import errors
from ytdnn.run import configs
from ytdnn.run.cli import settings
from ytdnn.run.pipeline import config_dicts

_NAMES = {
    "data.columns": re.compile(r",(?=\s*\w+\.\w+=)"),
    "data.files": re.compile(r",(?=\s*\w+=)"),
}


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
    config = configs.with_own(config, overrides)
    kinds = {k: v for k, v in overrides.items() if k in configs.choices()}
    plain = _with_kinds(configs.to_dict(config), kinds)
    words = {k: v for k, v in overrides.items() if _is_word_or_switch(k)}
    values = config_dict.ConfigDict(_with_words(plain, words))
    others = {k: v for k, v in overrides.items() if k not in (*kinds, *words)}
    for key in others:
        _require_kind(key, values)
    defined = flags.FlagValues()
    argv = ["ytdnn"] + [
        f"--config.{key}={_as_literal(key, value)}" for key, value in others.items()
    ]
    try:
        config_flags.DEFINE_config_dict(
            "config", values, flag_values=defined, sys_argv=argv
        )
        defined(argv)
    except flags.IllegalFlagValueError:
        raise _illegal(others) from None
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.UserError(f"{error} (on the command line)") from None
    return config_dicts.validated(values.to_dict(), "on the command line")


_READERS: dict[type, tuple[str, Callable[[str], Any]]] = {
    bool: ("true or false", {"true": True, "false": False, "1": 1, "0": 0}.__getitem__),
    int: ("a whole number", int),
    float: ("a number", float),
}


def _illegal(given: Mapping[str, str]) -> errors.UserError:
    """Returns the error of the first text that is no value of its setting's type."""
    for key, value in given.items():
        default = settings.catalogue()[key].default
        expected, read = _READERS.get(type(default), ("text", str))
        try:
            read(_as_literal(key, value).lower())
        except (KeyError, ValueError, SyntaxError):
            return errors.UserError(
                f"expected config.{key} to be {expected}, received {value!r} (on the "
                f"command line)"
            )
    return errors.UserError(
        f"expected values of their settings' types, received {dict(given)!r}"
    )


def _with_kinds(values: dict[str, Any], kinds: dict[str, str]) -> dict[str, Any]:
    """Returns nested dicts with the choices of `kinds` applied."""
    for path, kind in kinds.items():
        known = configs.choices()[path]
        if kind not in known:
            raise errors.UserError(
                f"expected config.{path} to be one of {', '.join(known.names())}, "
                f"received {kind!r} (on the command line)"
            )
        parents, _, name = path.rpartition(".")
        parent = functools.reduce(operator.getitem, parents.split("."), values)
        if parent[name][configs.KIND] != kind:
            parent[name] = configs.to_dict(known[kind]())
    return values


def _is_word_or_switch(key: str) -> bool:
    """Returns whether the values of a setting are true, false, or a few words."""
    setting = settings.catalogue()[key]
    return setting.is_switch and bool(setting.choices)


def _with_words(values: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """Returns nested dicts with settings that are true, false, or a word."""
    switches = {"true": True, "false": False, "1": True, "0": False}
    for key, text in words.items():
        known = settings.catalogue()[key].choices
        if text.lower() not in {*known, *switches}:
            raise errors.UserError(
                f"expected config.{key} to be one of {', '.join(known)}, received "
                f"{text!r} (on the command line)"
            )
        path, _, name = key.rpartition(".")
        parent = functools.reduce(operator.getitem, path.split("."), values)
        parent[name] = switches.get(text.lower(), text.lower())
    return values


def _require_kind(key: str, values: config_dict.ConfigDict) -> None:
    """Checks that a setting below a choice belongs to the chosen kind."""
    path, _, name = key.rpartition(".")
    kinds = configs.choices().get(path)
    if kinds is None:
        return
    kind = functools.reduce(getattr, path.split("."), values)[configs.KIND]
    if name not in configs.own_settings(kinds[kind]):
        raise errors.UserError(config_dicts.not_of_kind(path, kind, name))


def _as_literal(key: str, value: str) -> str:
    """Returns the text of a tuple as Python spells it: `a,b` → `('a', 'b')`."""
    setting = settings.catalogue()[key]
    if not isinstance(setting.default, tuple) or value[:1] in tuple("(['\""):
        return value
    parts = entries(key, value)
    if key == "composition.sources":
        return repr(tuple(map(_source, parts)))
    if setting.holds_text:
        return repr(tuple(parts))
    literal = f"({','.join(parts)},)" if parts else "()"
    try:
        ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        raise errors.UserError(
            f"expected config.{key} to be numbers, as 10,50,100, received {value!r} "
            f"(on the command line)"
        ) from None
    return literal


def _source(text: str) -> tuple[str, float]:
    """Returns a candidate source and its share, of a text as `fresh_uploads=0.2`."""
    name, _, share = text.partition("=")
    try:
        return name.strip(), float(share)
    except ValueError:
        raise errors.UserError(
            f"expected config.composition.sources as fresh_uploads=0.2,popular=0.1, "
            f"received {text!r} (on the command line)"
        ) from None


def entries(key: str, value: str) -> list[str]:
    """Returns the members of a tuple; names of files and columns may hold commas.

    Args:
      key: Name of the setting.
      value: Value as typed.
    """
    if key in _NAMES:
        return [part for part in _NAMES[key].split(value) if part.strip()]
    return [part.strip() for part in value.split(",") if part.strip()]
