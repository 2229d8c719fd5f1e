"""The config of a command line, and the tracker that it names."""

import contextlib
import pathlib

from ytdnn.base import configs, errors, registries
from ytdnn.run.cli import config_file, flags, given_settings, parsing
from ytdnn.run.pipeline import runner, sizes, tracker, workdir


def require_workdir(given: parsing.Arguments, command: str) -> None:
    """Checks that `--workdir` is given, for commands that do not always need it.

    Raises:
      errors.UserError: It is not given.
    """
    if flags.WORKDIR.name not in given.values:
        raise parsing.not_given(flags.WORKDIR, command)


def config(given: parsing.Arguments, without: configs.Config) -> configs.Config:
    """Returns the config of file and flags; `without` is the base without a file."""
    file = given.values.get(flags.CONFIG.name)
    base = without if file is None else config_file.load(file)
    return given_settings.apply(base, given.overrides)


def later_config(given: parsing.Arguments, directory: pathlib.Path) -> configs.Config:
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
    return config(parsing.Arguments(given.values, overrides), run_config)


def tracker_name(given: parsing.Arguments) -> str:
    """Returns the name of the tracker, empty without one.

    Raises:
      errors.UserError: There is none of this name.
    """
    name: str = given.values.get(flags.TRACKER.name, "")
    if name and name not in registries.TRACKERS:
        raise errors.UserError(registries.TRACKERS.unknown(name))
    return name


def tracked(
    given: parsing.Arguments, directory: pathlib.Path, config: configs.Config
) -> contextlib.AbstractContextManager[tracker.Tracker | None]:
    """Returns the block in which the tracker of `--tracker`, if any, follows the run.

    In a cluster only the chief's process reports.

    Raises:
      errors.UserError: There is none of this name, or its package is not installed.
    """
    name = tracker_name(given)
    if not name or not runner.make_role(config).leads:
        return contextlib.nullcontext()
    return tracker.tracked(name, directory, lambda: sizes.resolved(config, directory))
