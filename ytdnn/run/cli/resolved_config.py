"""The config of a command line, read from `--config` and flags, and the tracker."""

import contextlib
import pathlib
import re
from collections.abc import Callable
from typing import Any

from ml_collections import config_dict

from ytdnn.base import configs, errors, registries, registry
from ytdnn.run.cli import command, flags, given_settings
from ytdnn.run.pipeline import log_size, runner, tracker, workdir

_FILE = registry.OwnFile("--config", "docs/sweep.md")
# A variant's name is a directory's.
_NAME = re.compile(r"[\w+=-][\w.+=-]*")


def config(given: command.Arguments, without: configs.Config) -> configs.Config:
    """Returns the config of file and flags; `without` is the base without a file."""
    file = given.values.get(flags.CONFIG.name)
    base = without if file is None else load(file)
    return given_settings.apply(base, given.overrides)


def later_config(given: command.Arguments, directory: pathlib.Path) -> configs.Config:
    """Returns the config of a command that works on prepared data.

    The source of the data is taken from the prepared set: a config file that names no
    directory applies to the data prepared here.

    Raises:
      errors.UserError: The workdir has no prepared set.
    """
    run_config = workdir.require_config(directory)
    if flags.CONFIG.name not in given.values and not given.overrides:
        return run_config
    names = workdir.source_settings(run_config)
    where = {f"data.{name}": getattr(run_config.data, name) for name in names}
    overrides = where | given.overrides
    return config(command.Arguments(given.values, overrides), run_config)


def tracker_name(given: command.Arguments) -> str:
    """Returns the name of the tracker, empty without one.

    Raises:
      errors.UserError: There is none of this name.
    """
    name: str = given.values.get(flags.TRACKER.name, "")
    if name and name not in registries.TRACKERS:
        raise errors.UserError(registries.TRACKERS.unknown(name))
    return name


def tracked(
    given: command.Arguments, directory: pathlib.Path, config: configs.Config
) -> contextlib.AbstractContextManager[tracker.Tracker | None]:
    """Returns the block in which the tracker of `--tracker`, if any, follows the run.

    In a cluster only the chief's process reports.

    Raises:
      errors.UserError: There is none of this name, or its package is not installed.
    """
    name = tracker_name(given)
    if not name or not runner.make_role(config).leads:
        return contextlib.nullcontext()
    return tracker.tracked(
        name, directory, lambda: log_size.resolved(config, directory)
    )


def load(path: str) -> configs.Config:
    """Returns the config of a file with a `get_config()`, or of a run.

    Args:
      path: The file; `FILE.py:TEXT` calls `get_config(TEXT)`. Or the workdir of a run,
        or its `config.json`.

    Raises:
      errors.UserError: The file is missing, fails, or returns no valid config.
    """
    given = pathlib.Path(path)
    is_config = given.name == workdir.CONFIG_FILE
    config_path = given if is_config else given / workdir.CONFIG_FILE
    if config_path.is_file():
        return workdir.require_config(config_path.parent)
    file, _, argument = path.partition(":")
    function = _function(file, "get_config")
    if function is None:
        raise errors.UserError(
            f"expected a function get_config() in --config={file}, found none"
        )
    return _converted(_call(function, file, argument), "get_config()", file)


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
    function = _function(file, "get_variants")
    if function is None:
        return {pathlib.Path(file).stem: load(path)}
    variants = _call(function, file, argument)
    _require_dict(variants, "get_variants", "a config for each name", file)
    for name in variants:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.UserError(
                f"expected get_variants() of {file} to name each variant by letters, "
                f"digits and _.+=-, received {name!r}"
            )
    return {
        name: _converted(value, f"get_variants()[{name!r}]", file)
        for name, value in variants.items()
    }


def load_space(path: str) -> configs.Space | None:
    """Returns the search space of `get_space()`; None: the file has no such function.

    Args:
      path: The file; `FILE.py:TEXT` is read as for `load`.

    Raises:
      errors.UserError: The file is missing, fails, or returns no search space.
    """
    file = path.partition(":")[0]
    function = _function(file, "get_space")
    if function is None:
        return None
    space = _call(function, file)
    _require_dict(space, "get_space", "values for each setting", file)
    try:
        return configs.read_space(space)
    except ValueError as error:
        raise errors.UserError(f"{error} (get_space() of {file})") from None


def _function(file: str, name: str) -> Callable[..., Any] | None:
    """Returns a function of the user's file; None without it."""
    if not pathlib.Path(file).is_file():
        raise errors.UserError(
            f"expected a file or a run for --config, found none at {file}"
        )
    function = getattr(_FILE.run(_FILE.read(file), file), name, None)
    return function if callable(function) else None


def _call(function: Callable[..., Any], file: str, argument: str = "") -> Any:
    with _FILE.failing_in_one_line(file):
        return function(*([argument] if argument else []))


def _require_dict(value: Any, name: str, meaning: str, file: str) -> None:
    if not isinstance(value, dict) or not value:
        words = "an empty dict" if value == {} else type(value).__name__
        raise errors.UserError(
            f"expected {name}() of {file} to return a dict of {meaning}, received "
            f"{words}"
        )


def _converted(value: Any, function: str, file: str) -> configs.Config:
    if isinstance(value, configs.Config):
        return value
    if isinstance(value, config_dict.ConfigDict):
        value = value.to_dict()
    if not isinstance(value, dict):
        raise errors.UserError(
            f"expected {function} of {file} to return a configs.Config, a ConfigDict "
            f"or a dict, received {type(value).__name__}"
        )
    return workdir.validated(value, file)
