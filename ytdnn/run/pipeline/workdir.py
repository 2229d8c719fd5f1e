"""The directory of a run: its lock and its `config.json`."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
from collections.abc import Collection, Iterator
from typing import Any

import pydantic

from ytdnn.base import artifacts, configs, errors, machine_facts, user_paths
from ytdnn.base.configs import data as data_config
from ytdnn.base.configs import wording
from ytdnn.run.pipeline import log_size

CONFIG_FILE = "config.json"
_LOCK_FILE = ".lock"


@contextlib.contextmanager
def lock(directory: pathlib.Path) -> Iterator[None]:
    """Context that locks a run's directory, made if missing, for one process.

    The system frees the lock of a killed process.

    Raises:
      errors.BusyError: Another process has the lock.
      errors.UserError: The path is no directory.
    """
    if not directory.is_dir() and (directory.exists() or directory.is_symlink()):
        kind = user_paths.kind(directory)
        raise errors.UserError(
            f"expected a directory for --workdir, found {kind}: {directory}"
        )
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / _LOCK_FILE, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise errors.BusyError(
                f"another ytdnn (process {file.read().strip() or 'unknown'}) is "
                f"running in {directory}: wait for it, or give another --workdir"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def artefacts(directory: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the facts of each finished artefact in a run's directory, by name."""
    paths = sorted(directory.glob(f"*/{artifacts.MANIFEST}"))
    return {path.parent.name: artifacts.peek(path) for path in paths}


@contextlib.contextmanager
def keep_config(directory: pathlib.Path, config: configs.Config) -> Iterator[None]:
    """Context that writes the config of a command on success or interruption.

    An interrupted command can be resumed, and needs its settings; after a failure the
    config of the existing outputs stays.
    """
    try:
        yield
    except KeyboardInterrupt:
        write_config(directory, config)
        raise
    write_config(directory, config)


def record(
    directory: pathlib.Path, config: configs.Config, sections: Collection[str]
) -> None:
    """Writes the sections of a config that an output was made with.

    Args:
      directory: Directory of the run; other sections do not change.
      config: Config of the step.
      sections: Fields of `configs.Config`.
    """
    if not sections:
        return
    try:
        earlier = read_config(directory) or configs.Config()
    except errors.UserError:
        earlier = configs.Config()  # damaged, and written again
    changed = {name: getattr(config, name) for name in sections}
    write_config(directory, dataclasses.replace(earlier, **changed))


def write_config(directory: pathlib.Path, config: configs.Config) -> None:
    """Writes the resolved config, package versions and git commit of a run."""
    value = {
        "config": configs.to_dict(log_size.resolved(config, directory)),
        "versions": machine_facts.versions(),
        "git_commit": machine_facts.git_commit(),
    }
    artifacts.write_json(directory / CONFIG_FILE, value)


def read_config(directory: pathlib.Path) -> configs.Config | None:
    """Returns the config a run was made with; None without one.

    Raises:
      errors.UserError: The file is damaged or of another version.
    """
    path = directory / CONFIG_FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())["config"]
    except (ValueError, KeyError, TypeError):
        raise errors.UserError(
            f"expected JSON with `config` in {path}, found a damaged file: give "
            f"--config=FILE.py, and it is written again"
        ) from None
    try:
        return validated(values, str(path))
    except errors.UserError as error:
        raise errors.UserError(
            f"{error}: made by another version; run `ytdnn run --workdir={directory} "
            f"--config=FILE.py` to write it again, or remove it to begin with the "
            f"defaults"
        ) from None


def require_config(directory: pathlib.Path) -> configs.Config:
    """Returns the config of a run that has been prepared.

    Raises:
      errors.UserError: The workdir has no prepared set.
    """
    config = read_config(directory)
    if config is None and (directory.resolve().parent / CONFIG_FILE).exists():
        raise errors.UserError(
            f"expected a run in {directory}, found a part of one (models of a refit "
            f"were trained on every answer, and cannot be evaluated): give "
            f"--workdir={directory.parent}"
        )
    if config is None:
        raise errors.UserError(
            f"expected a run in {directory}, found no {CONFIG_FILE}: start with "
            f"`ytdnn prepare --workdir={directory}` or `ytdnn run`"
        )
    return config


def source_settings(earlier: configs.Config) -> tuple[str, ...]:
    """Returns the settings of `data` that later steps read from the prepared set."""
    in_memory = earlier.data.source == data_config.IN_MEMORY
    return ("source", "dir", "name") if in_memory else ("dir", "name")


def validated(values: dict[str, Any], origin: str) -> configs.Config:
    """Returns the config from nested dicts.

    Args:
      values: Settings; missing ones take their default.
      origin: Source of the settings, for the error.

    Raises:
      errors.UserError: Unknown keys or bad values, each named with its path.
    """
    try:
        return configs.from_dict(values)
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{wording.describe(error)} ({origin})") from None
    except TypeError as error:
        raise errors.UserError(
            f"expected settings of plain numbers, texts and tuples, received another "
            f"({error}) ({origin})"
        ) from None


def later_config(
    directory: pathlib.Path, config: configs.Config | None
) -> configs.Config:
    """Returns the config of a function that works on prepared data.

    The source of the data is taken from the prepared set, unless the config names a
    directory or an edition.

    Args:
      directory: Directory of the run.
      config: Config as given; None: that of the run.

    Raises:
      errors.UserError: The workdir has no prepared set, or the config is invalid.
    """
    earlier = require_config(directory)
    if config is None:
        return earlier
    if config.data.dir or config.data.name:
        return config
    source = {name: getattr(earlier.data, name) for name in source_settings(earlier)}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **source))
