"""Runs the steps of a run, except those with current outputs.

A step is skipped, with a message, if its output is complete and was made from this
config and these inputs.
"""

import contextlib
import functools
import os
import pathlib
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ytdnn.base import (
    artifacts,
    configs,
    errors,
    machine_facts,
    registries,
    schema,
    user_paths,
)
from ytdnn.base.configs import data as data_config
from ytdnn.run.pipeline import graph, log_size, steps, steps_after_training
from ytdnn.run.pipeline import workdir as run_workdir

Step = graph.Step
Config = configs.Config

Path = str | os.PathLike[str]
Verbose = bool | Callable[[str], None]
Say = Callable[[str], None]

NOT_MADE = "not made yet"  # the reason of a step that is expected to run
_MOST_DIFFERENCES = 3
# Files of public logs that hold tables, not what is written about them.
_TABLES = frozenset(
    {
        *(".csv", ".gz", ".zip", ".parquet", ".pq", ".npy", ".json"),
        *(".data", ".item", ".user", ".dat", ".genre", ".occupation"),
    }
)


def run(
    several: Sequence[Step],
    config: Config,
    workdir: pathlib.Path,
    say: Say,
    always: Collection[str] = (),
    is_full: bool = True,
) -> None:
    """Runs the steps without current outputs, one after the other.

    Args:
      several: Steps in order.
      config: Config of the run.
      workdir: Directory of the run.
      say: Function that is called with a line when a step begins and ends.
      always: Names of steps that run even if they are current.
      is_full: Whether the tables, settings and choices of the steps are said, not only
        the notes on the log.

    Raises:
      errors.UserError: A step fails, or what is trained could not be evaluated.
    """
    chosen_steps, role = config, make_role(config)
    if any(step.command in ("train", "evaluate") for step in several):
        steps.require_baselines(config)
    for number, step in enumerate(several, 1):
        config = log_size.resolved(chosen_steps, workdir)
        label = f"[{number}/{len(several)}] {step.name}:"
        left, reason = _decided(step, config, workdir, always)
        if step.is_shared:
            role.says(is_made=not left)
        if left:
            say(f"{label} {left}")
            continue
        if reason != NOT_MADE:
            say(f"{label} started ({reason})")
        for line in log_size.describe(config, workdir, step.name) if is_full else ():
            say(line)
        started = time.perf_counter()
        step.run(config, workdir)
        machine_facts.collect()
        run_workdir.record(workdir, config, step.sections)
        seconds = time.perf_counter() - started
        describe = step.describe if is_full else step.advise
        for line in describe(config, workdir) if describe else ():
            say(line)
        say(f"{label} done in {seconds:.1f} s: {workdir / step.name}")
    if any(step.is_shared for step in several):
        role.says(is_made=False)


def _decided(
    step: Step, config: Config, workdir: pathlib.Path, always: Collection[str]
) -> tuple[str, str]:
    """Returns the reason to skip a step, and the reason to run it; one is empty."""
    why = step.left_out(config, workdir)
    if why:
        return f"left out: {why}", ""
    reason = staleness(step, config, workdir)
    if reason or step.name in always:
        return "", reason or "asked for"
    path = workdir / step.name
    return f"skipped: {path} is complete and current{_unread(step, path)}", ""


def _unread(step: Step, path: pathlib.Path) -> str:
    """Returns the words for tables that were in memory, and cannot be looked at."""
    if step is not graph.DATA or not artifacts.read_manifest(path, step.name).inputs:
        return ""
    return " (its tables were frames in memory, which are not read again)"


def require(several: Sequence[Step], config: Config, workdir: pathlib.Path) -> None:
    """Checks that the inputs of some steps are complete and current.

    Raises:
      errors.UserError: An input is not; the message names the settings or artefacts
        that disagree, and the command to run.
    """
    chosen_steps = {step.name for step in several}
    wanted = {name for step in several for name in step.inputs}
    is_served = any(step.is_served for step in several)
    wanted.update([graph.CHOICE.name] * is_served)
    wanted -= chosen_steps
    for step in graph.every(config):
        if step.name in wanted and not step.left_out(config, workdir):
            reason = staleness(step, config, workdir)
            is_off = step is graph.CHOICE and is_served and not config.composition.live
            for live in ("auto", True) if is_off else ():  # any choice has the rest
                other = configs.changed(config, {"composition.live": live})
                reason = reason and staleness(step, other, workdir)
            if reason:
                advice = _advice(step, config, workdir)
                raise errors.UserError(f"{workdir / step.name}: {reason}: {advice}")


def _advice(step: Step, config: Config, workdir: pathlib.Path) -> str:
    if step is graph.DATA and config.data.source == data_config.IN_MEMORY:
        return (
            f'its tables were frames in memory: ytdnn.prepare("{workdir}", tables=…) '
            f"in Python prepares them again"
        )
    return (
        f"run `ytdnn {step.command} --workdir={workdir}` first, or `ytdnn run` for "
        f"all steps"
    )


def staleness(step: Step, config: Config, workdir: pathlib.Path) -> str:
    """Returns why a step must run; empty if its output is complete and current."""
    path, config = workdir / step.name, log_size.resolved(config, workdir)
    if not path.exists():
        return NOT_MADE
    if path.is_file():
        raise errors.UserError(f"expected a directory at {path}, found a file: move it")
    try:
        manifest = artifacts.read_manifest(path, step.artefact_kind)
    except errors.UserError as error:
        return error.problem
    made_with = config
    if step.is_served:
        made_with = steps_after_training.served_config(config, workdir)
    keys = _differences(manifest.config, dict(step.config(made_with)), step.prefix)
    if keys:
        more = ["…"] if len(keys) > _MOST_DIFFERENCES else []
        return "; ".join(keys[:_MOST_DIFFERENCES] + more)
    if step is graph.DATA and config.data.source == data_config.IN_MEMORY:
        return ""  # nothing is left of the tables to hold the set against
    try:
        current = input_fingerprints(step, config, workdir)
    except errors.UserError as error:
        return error.problem
    made_from = manifest.inputs
    every = {**made_from, **current}
    changed = [name for name in every if made_from.get(name) != current.get(name)]
    if changed:
        return f"made from another {' and '.join(changed)}"
    return _newer_source(step, config, path)


def input_fingerprints(
    step: Step, config: Config, workdir: pathlib.Path
) -> dict[str, str]:
    """Returns the fingerprint of each input artefact of a step.

    An artefact next to the output is named by its kind, any other by its path.
    """
    by_name = {each.name: each for each in (*graph.STEPS, *graph.every(config))}
    if step.is_served:
        config = steps_after_training.served_config(config, workdir)
    # A step of a part that these settings leave out has inputs of its own kind.
    names = [
        name
        for name in step.inputs
        if name not in by_name or not by_name[name].left_out(config, workdir)
    ]
    prints = steps.fingerprints(workdir, names)
    home = f"{pathlib.PurePath(step.name).parent}/"
    prints = {name.removeprefix(home): value for name, value in prints.items()}
    if step.config in (graph.CONTEST.config, graph.CANDIDATES.config):
        prints |= registries.versions(config.candidates)
    if step.config is graph.RANKING.config:
        prints |= steps.ranker_parts(config)
    if step.config is graph.EVALUATION.config:
        prints |= registries.versions_of_evaluation(config)
    if step.name == graph.BUNDLE.name:
        prints |= steps_after_training.changed_videos(workdir)
        prints |= registries.versions_of_bundle(config)
    return {**prints, **step.given}


def _newer_source(step: Step, config: Config, path: pathlib.Path) -> str:
    """Returns a reason when files of the source are younger than the prepared set."""
    if step is not graph.DATA or not config.data.dir:
        return ""
    written_at = (path / artifacts.MANIFEST).stat().st_mtime
    source = user_paths.expanded(config.data.dir)
    files = [source, *source.rglob("*")] if source.is_dir() else [source]
    newer = [f for f in files if f.is_file() and f.stat().st_mtime > written_at]
    newer = [f for f in newer if f == source or _is_read(f, path)]
    return f"{newer[0]} has changed since" if newer else ""


def _is_read(file: pathlib.Path, data: pathlib.Path) -> bool:
    """Whether `prepare` reads a file of its source's directory.

    Args:
      file: In the directory.
      data: The prepared set; its manifest names the files of a user's own log.
    """
    tables = artifacts.read_manifest(data, data.name).facts.get("files")
    if tables:
        read = [user_paths.expanded(name).resolve() for name in tables.values()]
        own = file.resolve()
        return any(own == one or one in own.parents for one in read)
    return file.suffix.lower() in _TABLES


def _differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> list[str]:
    """Returns a phrase `config.KEY was OLD, is NEW` for each setting that differs.

    Args:
      old: Nested dicts.
      new: Nested dicts.
      prefix: Prefix that their keys need to be settings.
    """
    keys = configs.differences(old, new)
    # Settings of a kind changed with it.
    changed = {k: how for k, how in keys.items() if k.rpartition(".")[0] not in keys}
    return [f"config.{prefix}{key} {how}" for key, how in changed.items()]


class SingleProcess:
    """The role of a process that runs everything itself.

    Attributes:
      config: Config of the run.
    """

    def __init__(self, config: Config) -> None:
        """Stores the config."""
        self.config = config

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports the outputs of a run."""
        return True

    def require_alone(self, command: str) -> None:
        """Checks that no cluster is given to a command for a single process.

        Args:
          command: Name of the command.

        Raises:
          errors.UserError: The config has a cluster.
        """

    def follows(self) -> bool:
        """Joins the other processes, if any, before TensorFlow is used.

        Returns:
          Whether another process leads.
        """
        return False

    def follow(self, several: Sequence[Step], workdir: pathlib.Path) -> None:
        """Takes part in the steps that all processes make together.

        Args:
          several: Steps in order.
          workdir: Directory of the run, on a file system that all share.
        """

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """Context that turns TensorFlow's errors about a lost process into one line."""
        return contextlib.nullcontext()

    def says(self, is_made: bool) -> None:
        """Tells the other processes whether the next training is made, or all done."""


def make_role(config: Config) -> SingleProcess:
    """Returns the role of this process in a run.

    Raises:
      errors.UserError: The config names a strategy that is not installed.
    """
    if config.strategy in registries.STRATEGIES.missing:
        raise errors.UserError(registries.STRATEGIES.unknown(config.strategy))
    part = registries.HOOKS.get(f"role of {config.strategy}")
    return SingleProcess(config) if part is None else part.make(config)


def speaker(verbose: Verbose) -> Say:
    """Returns the function that is called with each message."""
    if callable(verbose):
        return verbose
    return functools.partial(print, flush=True) if verbose else lambda line: None


def next_command(config: Config, workdir: pathlib.Path) -> str:
    """Returns the command of the first step to run; `recommend` if all are current."""
    for step in graph.every(config):
        if not step.left_out(config, workdir) and staleness(step, config, workdir):
            return f"ytdnn {step.command} --workdir={workdir}"
    return recommend_command(workdir)


def recommend_command(workdir: pathlib.Path) -> str:
    """Returns the command of recommendations for the first user of the prepared set."""
    from ytdnn.log import prepared

    user = prepared.load(workdir / "data").users[schema.USER_ID][0]
    words = [f"--workdir={workdir}", f"--user={user}"]
    return " ".join(["ytdnn recommend", *map(errors.shell, words)])
