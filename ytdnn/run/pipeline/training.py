"""Training as a Python function: candidates, index and ranker, or one of them."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from ytdnn.base import artifacts, configs, progress, user_paths
from ytdnn.run.pipeline import graph, runner, steps
from ytdnn.run.pipeline import workdir as run_workdir


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
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    stage: str = "",
    verbose: runner.Verbose = False,
) -> TrainedRun:
    """Trains candidates, builds the index, trains the ranker; or one of these.

    A training that was killed resumes from its last checkpoint.

    Args:
      workdir: Directory of the run, with `data`.
      config: Config of the run; None: that of the workdir. The source of the data is
        taken from the prepared set.
      stage: `candidates`, `index` or `ranking`: only that stage; empty: all.
      verbose: See `api`.

    Raises:
      errors.UserError: The data do not fit the config, or the stage is unknown.
    """
    from ytdnn.log import prepared

    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    chosen_steps = graph.trained(stage)
    config = run_workdir.later_config(directory, config)
    role = runner.make_role(config)
    if role.follows():
        role.follow(chosen_steps, directory)
        return _trained(chosen_steps, config, directory, is_whole=False)
    with run_workdir.lock(directory), role.watched():
        runner.require(chosen_steps, config, directory)
        steps.require_features(config, prepared.load(directory / graph.DATA.name))
        with (
            run_workdir.keep_config(directory, config),
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
    made = [step for step in chosen_steps if not step.left_out(config, directory)]
    made = [step for step in made if is_whole or (directory / step.name).exists()]
    directories = {step.name: directory / step.name for step in made}
    facts = {
        step.name: artifacts.read_manifest(
            directories[step.name], step.artefact_kind
        ).facts
        for step in made
    }
    return TrainedRun(directories, facts)
