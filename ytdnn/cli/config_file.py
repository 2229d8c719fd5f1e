"""Reads `--config=FILE.py` and validates what it returns: one config, or several."""

import dataclasses
import importlib.util
import pathlib
import re
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pydantic
from ml_collections import config_dict

from ytdnn import configs, errors

_MOST_PROBLEMS = 3
_VARIANTS = "get_variants"
# A variant's name is a directory's.
_NAME = re.compile(r"[\w+=-][\w.+=-]*")


def load(path: str) -> configs.Config:
    """Returns the config of a file with a `get_config()`.

    Args:
      path: The file; `FILE.py:TEXT` calls `get_config(TEXT)`.

    Raises:
      errors.UserError: It is missing, fails, or returns no valid config.
    """
    file, _, argument = path.partition(":")
    module = _load_module(pathlib.Path(file))
    return _config_of(module, file, argument)


def load_variants(path: str) -> dict[str, configs.Config]:
    """Returns the configs of a file by name, the first the baseline.

    Those of `get_variants()`; without it that of `get_config()`, named as the file.

    Args:
      path: The file; `FILE.py:TEXT` hands TEXT to the function.

    Raises:
      errors.UserError: It is missing, fails, or returns no valid configs by name.
    """
    file, _, argument = path.partition(":")
    module = _load_module(pathlib.Path(file))
    if not callable(getattr(module, _VARIANTS, None)):
        return {pathlib.Path(file).stem: _config_of(module, file, argument)}
    found = _guarded(file, module.get_variants, *([argument] if argument else []))
    if not isinstance(found, dict) or not found:
        words = "an empty dict" if found == {} else type(found).__name__
        raise errors.UserError(
            f"expected {_VARIANTS}() of {file} to return a dict of a config for each "
            f"name, received {words}"
        )
    for name in found:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.UserError(
                f"expected {_VARIANTS}() of {file} to name each variant by letters, "
                f"digits and _.+=-, received {name!r}"
            )
    return {
        name: _converted(value, f"{_VARIANTS}()[{name!r}]", file)
        for name, value in found.items()
    }


def _config_of(module: ModuleType, file: str, argument: str) -> configs.Config:
    if not callable(getattr(module, "get_config", None)):
        raise errors.UserError(
            f"expected a function get_config() in --config={file}, found none"
        )
    value = _guarded(file, module.get_config, *([argument] if argument else []))
    return _converted(value, "get_config()", file)


def _converted(value: Any, what: str, file: str) -> configs.Config:
    if isinstance(value, configs.Config):
        return value
    if isinstance(value, config_dict.ConfigDict):
        value = value.to_dict()
    if not isinstance(value, dict):
        raise errors.UserError(
            f"expected {what} of {file} to return a configs.Config, a ConfigDict "
            f"or a dict, received {type(value).__name__}"
        )
    return validated(value, file)


def validated(values: dict[str, Any], origin: str) -> configs.Config:
    """Returns the config of nested dicts.

    Args:
      values: Settings; what is missing takes its default.
      origin: Where they come from, for the error.

    Raises:
      errors.UserError: Unknown keys or bad values, each named with its path.
    """
    try:
        return configs.from_dict(values)
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{describe(error)} ({origin})") from None
    except TypeError as error:
        raise errors.UserError(
            f"expected settings of plain numbers, texts and tuples, received another "
            f"({error}) ({origin})"
        ) from None


def describe(error: pydantic.ValidationError) -> str:
    """Returns pydantic's list of problems as one line."""
    problems = error.errors()
    phrases = [_phrase(error.title, one) for one in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        phrases.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(phrases)


def _phrase(title: str, problem: Any) -> str:
    path, kind = _path(title, problem["loc"])
    key, below = ".".join(path), ".".join(path[1:])
    if problem["type"] == "unexpected_keyword_argument":
        if kind:
            return not_of_kind(".".join(path[1:-1]), kind, path[-1])
        return f"there is no setting {key}: ytdnn run --help lists all"
    if problem["type"] == "value_error":  # of settings that do not fit each other
        return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    expected = problem["msg"].removeprefix("Input should be ")
    if below in configs.choices() and not kind:
        kinds = configs.choices()[below]
        classes = ", ".join(f"configs.{cls.__name__}()" for cls in kinds.values())
        expected = f"one of {classes}, or a dict whose kind is {' or '.join(kinds)}"
    return f"expected {key} to be {expected}, received {problem['input']!r}"


def _path(title: str, place: Sequence[Any]) -> tuple[list[str], str]:
    """Returns where in the config a problem lies, and the kind of the choice it is in.

    Args:
      title: The class that pydantic refused.
      place: Where in it, kinds of choices included.
    """
    path, kind = [title], ""
    if title == configs.Config.__name__:
        path = ["config"]
    elif title.lower() in {f.name for f in dataclasses.fields(configs.Config)}:
        path = ["config", title.lower()]
    for choice, kinds in configs.choices().items():
        for name, cls in kinds.items():
            if cls.__name__ == title:
                path, kind = ["config", *choice.split(".")], name
    for part in map(str, place):
        if part in configs.choices().get(".".join(path[1:]), {}):
            kind = part
        else:
            path.append(part)
    return path, kind


def not_of_kind(path: str, kind: str, name: str) -> str:
    """Returns the line for a setting that the kind chosen does not have.

    Args:
      path: Of the choice, as `candidates.loss`.
      kind: What is chosen there.
      name: Of the setting.
    """
    kinds = configs.choices()[path]
    own = configs.own_settings(kinds[kind])
    others = [k for k, cls in kinds.items() if name in configs.own_settings(cls)]
    hint = f", or choose config.{path}={' or '.join(others)}" if others else ""
    has = f"only {', '.join(own)}" if own else "and no other"
    return (
        f"{kind} has no setting config.{path}.{name}, {has}: leave it out{hint} "
        f"(ytdnn run --help)"
    )


def _load_module(path: pathlib.Path) -> ModuleType:
    if not path.is_file():
        raise errors.UserError(f"expected a file for --config, found none at {path}")
    spec = importlib.util.spec_from_file_location("ytdnn_config_file", path)
    if spec is None or spec.loader is None:
        raise errors.UserError(f"expected a Python file for --config, received {path}")
    module = importlib.util.module_from_spec(spec)
    _guarded(str(path), spec.loader.exec_module, module)
    return module


def _guarded(file: str, function: Any, *arguments: Any) -> Any:
    """Calls code of the user's file, whose any error is one line, not a trace."""
    try:
        return function(*arguments)
    except errors.UserError:
        raise
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{describe(error)} ({file})") from None
    except Exception as error:
        # Anything can go wrong in a file that is not ours; say where in it.
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename.endswith(file)]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else "?")
        raise errors.UserError(
            f"{file} line {line} fails: {type(error).__name__}: {error}"
        ) from None
