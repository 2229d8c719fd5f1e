"""The steps as Python functions with one signature: (workdir, config) → output.

Each does the same as the command of its name: it skips outputs that are complete and
current, refuses inputs that do not fit, and writes the run's `config.json`. Messages
depend on `verbose`: False prints nothing, True prints, a function is called with each
line.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, progress, user_paths
from ytdnn.bundle import versions
from ytdnn.evaluation import report_files
from ytdnn.run.pipeline import graph, runner, steps
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.run.pipeline import machines

Path = str | os.PathLike[str]
Verbose = bool | Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """The outputs of training in a workdir.

    Attributes:
      directories: Directory of each stage that applies: `candidates`, `index`,
        `ranking`.
      facts: Facts about each stage by its name: epochs, seconds, validation metrics.
    """

    directories: dict[str, pathlib.Path]
    facts: dict[str, dict[str, Any]]


def train(
    workdir: Path,
    config: configs.Config | None = None,
    *,
    stage: str = "",
    verbose: Verbose = False,
) -> TrainedRun:
    """Trains candidates, builds the index, trains the ranker; or one of these.

    A training that was killed resumes from its last checkpoint.

    Args:
      workdir: Directory of the run, with `data`.
      config: Config of the run; None: that of the workdir. The source of the data is
        taken from the prepared set.
      stage: `candidates`, `index` or `ranking`: only that stage; empty: all.
      verbose: See the module's docstring.

    Raises:
      errors.UserError: The data do not fit the config, or the stage is unknown.
    """
    from ytdnn.log import prepared

    directory, say = user_paths.expanded(workdir), speaker(verbose)
    chosen_steps = graph.trained(stage)
    config = later_config(directory, config)
    role = runner.make_role(config)
    if role.follows():
        role.follow(chosen_steps, directory)
        return _trained(chosen_steps, config, directory, is_whole=False)
    with workdir_room.lock(directory), role.watched():
        runner.require(chosen_steps, config, directory)
        steps.require_features(config, prepared.load(directory / graph.DATA.name))
        with (
            workdir_room.keep_config(directory, config),
            progress.shown(bool(verbose)),
        ):
            runner.run(chosen_steps, config, directory, say)
    return _trained(chosen_steps, config, directory)


def _trained(
    chosen_steps: Sequence[graph.Step],
    config: configs.Config,
    directory: pathlib.Path,
    is_whole: bool = True,
) -> TrainedRun:
    """Returns the outputs of the training steps that apply.

    Args:
      chosen_steps: Steps in order.
      config: Config of the run.
      directory: Directory of the run.
      is_whole: Whether all outputs must be there; a process that serves a chief may
        have a disk of its own.
    """
    names = [step.name for step in chosen_steps if not step.left_out(config, directory)]
    names = [name for name in names if is_whole or (directory / name).exists()]
    directories = {name: directory / name for name in names}
    facts = {
        name: artifacts.read_manifest(path, name).facts
        for name, path in directories.items()
    }
    return TrainedRun(directories, facts)


def export(
    workdir: Path,
    config: configs.Config | None = None,
    *,
    keep: int | None = None,
    verbose: Verbose = False,
) -> pathlib.Path:
    """Writes the bundle of SavedModels and returns its directory.

    It is a new version, with the next number; earlier ones stay.

    Args:
      workdir: Directory of the run, trained.
      config: Config of the run; None: that of the workdir.
      keep: Number of newest versions to keep; others are removed. None: all are kept.
      verbose: See the module's docstring.

    Raises:
      errors.UserError: An artefact is missing or stale, or `keep` is less than 1.
    """
    directory, say = user_paths.expanded(workdir), speaker(verbose)
    if keep is not None:
        versions.require_some(keep)
    config = later_config(directory, config)
    steps.require_vectors(config)
    step = graph.bundle(config)
    bundle = directory / step.name
    with workdir_room.lock(directory):
        runner.require([step], config, directory)
        with workdir_room.keep_config(directory, config):
            runner.run([step], config, directory, say)
        if keep is not None:
            removed = versions.prune(bundle, keep)
            say(f"versions removed: {', '.join(map(str, removed)) or 'none'}")
    return bundle


def run(
    workdir: Path,
    config: configs.Config | None = None,
    *,
    machines: "machines.Machines | None" = None,
    verbose: Verbose = False,
) -> report_files.Evaluation:
    """Runs all steps, from event log to bundle; resumes where it was stopped.

    Args:
      workdir: Directory of the run, made if missing.
      config: Config of the run; None: that of the workdir, or the defaults.
      machines: See `prepare`.
      verbose: See the module's docstring.

    Returns:
      The report on the test.

    Raises:
      errors.UserError: A step fails.
    """
    directory, say = user_paths.expanded(workdir), speaker(verbose)
    require_config(config)
    if config is None:
        config = workdir_room.read_config(directory) or configs.Config()
    role = runner.make_role(config)
    if role.follows():
        role.follow(graph.every(config), directory)
        return report_files.read(directory / graph.EVALUATION.name)
    with (
        workdir_room.lock(directory),
        role.watched(),
        workdir_room.keep_config(directory, config),
        progress.shown(bool(verbose)),
    ):
        chosen_steps = graph.every(config)
        if machines is not None:
            chosen_steps = (graph.data_of(None, machines), *chosen_steps[1:])
        runner.run(chosen_steps, config, directory, say)
    return report_files.read(directory / graph.EVALUATION.name)


def later_config(
    directory: pathlib.Path, config: configs.Config | None
) -> configs.Config:
    """Returns the config of a function that works on prepared data.

    Raises:
      errors.UserError: The workdir has no prepared set, or the config is invalid.
    """
    require_config(config)
    run_config = workdir_room.require_config(directory)
    return (
        run_config
        if config is None
        else workdir_room.from_same_source(config, run_config)
    )


def require_config(config: object) -> None:
    """Checks the type of a config from a notebook.

    Raises:
      errors.UserError: It is of another type.
    """
    if config is not None and not isinstance(config, configs.Config):
        raise errors.UserError(
            f"expected a ytdnn.Config, received {type(config).__name__}: give "
            f"ytdnn.Config(…), or leave it out"
        )


def speaker(verbose: Verbose) -> Callable[[str], None]:
    """Returns the function that is called with each message."""
    if callable(verbose):
        return verbose
    return functools.partial(print, flush=True) if verbose else _say_nothing


def _say_nothing(line: str) -> None:
    """Ignores a message."""
