"""Reads `--config=FILE.py`, or the config of a run, and validates what it returns."""

import importlib.util
import pathlib
import re
import traceback
from types import ModuleType
from typing import Any

import pydantic
from ml_collections import config_dict

from ytdnn.base import configs, errors
from ytdnn.base.configs import problems, spaces
from ytdnn.run.pipeline import config_dicts, workdir

_VARIANTS = "get_variants"
_SPACE = "get_space"
# A variant's name is a directory's.
_NAME = re.compile(r"[\w+=-][\w.+=-]*")


def load(path: str) -> configs.Config:
    """Returns the config of a file with a `get_config()`, or of a run.

    Args:
      path: The file; `FILE.py:TEXT` calls `get_config(TEXT)`. Or the workdir of a run,
        or its `config.json`.

    Raises:
      errors.UserError: The file is missing, fails, or returns no valid config.
    """
    given = pathlib.Path(path)
    made = given if given.name == workdir.CONFIG_FILE else given / workdir.CONFIG_FILE
    if made.is_file():
        return workdir.require_config(made.parent)
    file, _, argument = path.partition(":")
    module = _load_module(pathlib.Path(file))
    return _config_of(module, file, argument)


def load_variants(path: str) -> dict[str, configs.Config]:
    """Returns the configs of a file by name, the first the baseline.

    They are the result of `get_variants()`, or that of `get_config()`, named as the
    file.

    Args:
      path: The file; `FILE.py:TEXT` passes TEXT to the function.

    Raises:
      errors.UserError: The file is missing, fails, or returns no valid configs by
        name.
    """
    file, _, argument = path.partition(":")
    module = _load_module(pathlib.Path(file))
    if not callable(getattr(module, _VARIANTS, None)):
        return {pathlib.Path(file).stem: _config_of(module, file, argument)}
    given = [argument] if argument else []
    found = _dict_of(file, module, _VARIANTS, "a config for each name", *given)
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


def load_space(path: str) -> spaces.Space | None:
    """Returns the search space of `get_space()`; None: the file has no such function.

    Args:
      path: The file; `FILE.py:TEXT` is read as for `load`.

    Raises:
      errors.UserError: The file is missing, fails, or returns no search space.
    """
    file, _, _ = path.partition(":")
    module = _load_module(pathlib.Path(file))
    if not callable(getattr(module, _SPACE, None)):
        return None
    found = _dict_of(file, module, _SPACE, "values for each setting")
    try:
        return spaces.read(found)
    except ValueError as error:
        raise errors.UserError(f"{error} ({_SPACE}() of {file})") from None


def _dict_of(
    file: str, module: ModuleType, name: str, meaning: str, *arguments: str
) -> dict[Any, Any]:
    """Returns the dict, not empty, that a function of the user's file returns."""
    found = _guarded(file, getattr(module, name), *arguments)
    if isinstance(found, dict) and found:
        return found
    words = "an empty dict" if found == {} else type(found).__name__
    raise errors.UserError(
        f"expected {name}() of {file} to return a dict of {meaning}, received {words}"
    )


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
    return config_dicts.validated(value, file)


def _load_module(path: pathlib.Path) -> ModuleType:
    if not path.is_file():
        raise errors.UserError(
            f"expected a file or a run for --config, found none at {path}"
        )
    spec = importlib.util.spec_from_file_location("ytdnn_config_file", path)
    if spec is None or spec.loader is None:
        raise errors.UserError(f"expected a Python file for --config, received {path}")
    module = importlib.util.module_from_spec(spec)
    _guarded(str(path), spec.loader.exec_module, module)
    return module


def _guarded(file: str, function: Any, *arguments: Any) -> Any:
    """Calls code of the user's file, and turns any error into one line."""
    try:
        return function(*arguments)
    except errors.SettingError as error:
        raise errors.UserError(f"{error} ({file})") from None
    except errors.UserError:
        raise
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{problems.describe(error)} ({file})") from None
    except Exception as error:
        # Anything can go wrong in a file that is not ours; say where in it.
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename.endswith(file)]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else "?")
        raise errors.UserError(
            f"{file} line {line} fails: {type(error).__name__}: {error}"
        ) from None
