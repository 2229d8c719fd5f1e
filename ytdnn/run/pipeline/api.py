"""The steps as Python functions with one signature: (workdir, config) → output.

Each does the same as the command of its name: it skips outputs that are complete and
current, refuses inputs that do not fit, and writes the run's `config.json`. Messages
depend on `verbose`: False prints nothing, True prints, a function is called with each
line.
"""

import contextlib
import dataclasses
import pathlib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, progress, user_paths
from ytdnn.base.configs import data as data_config
from ytdnn.bundle import versions
from ytdnn.evaluation import report_files
from ytdnn.run.pipeline import graph, runner, shared_machines, steps
from ytdnn.run.pipeline import workdir as run_workdir

if TYPE_CHECKING:
    from ytdnn.evaluation import frame_evaluation
    from ytdnn.log import prepared

NO_TABLES: Mapping[str, Any] = types.MappingProxyType({})  # the default: none given


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


def prepare(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    tables: Mapping[str, Any] = NO_TABLES,
    machines: shared_machines.Machines | None = None,
    again: bool = False,
    verbose: runner.Verbose = False,
) -> "prepared.PreparedData":
    """Reads and checks an event log, splits it, and writes `workdir/data`.

    Args:
      workdir: Directory of the run, made if missing.
      config: Config of the run; None: that of the workdir, or the defaults (the
        embedded world).
      tables: Frames of Polars or pandas by the table's name (`watches` at least),
        instead of the config's source. None is refused, so that missing frames are
        never replaced by another log.
      machines: Machines that share the work, such as `on_spark.SparkMachines`; None:
        this machine.
      again: Whether to prepare again even if the output is complete and current.
      verbose: See the module's docstring.

    Returns:
      The prepared set.

    Raises:
      errors.UserError: The log is missing or malformed, or the filters leave nothing.
    """
    from ytdnn.log import prepared

    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    if config is None:
        config = run_workdir.read_config(directory) or configs.Config()
    elif tables is not NO_TABLES and (config.data.dir or config.data.name):
        raise errors.UserError(
            f"expected tables= or a source in the config, received both "
            f"(config.data.dir={config.data.dir!r}, config.data.name="
            f"{config.data.name!r}): leave one out"
        )
    in_memory = None
    if tables is not NO_TABLES:
        from ytdnn.log.sources import memory_tables

        source = dataclasses.replace(
            config.data, source=data_config.IN_MEMORY, dir="", name=""
        )
        in_memory = memory_tables.from_frames(tables)
        config = dataclasses.replace(config, data=source)
    step = graph.data_of(in_memory, machines)
    with (
        run_workdir.lock(directory),
        run_workdir.keep_config(directory, config),
        progress.shown(bool(verbose)),
    ):
        runner.run([step], config, directory, say, [step.name] if again else [])
    return prepared.load(directory / step.name)


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
      verbose: See the module.

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
    read = artifacts.read_manifest
    facts = {s.name: read(directory / s.name, s.artefact_kind).facts for s in made}
    return TrainedRun(directories, facts)


@typing.overload
def evaluate(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    split: str = "test",
    again: bool = False,
    verbose: runner.Verbose = False,
) -> report_files.Evaluation: ...
@typing.overload
def evaluate(
    workdir: Any, config: Any, *, settings: configs.EvaluationConfig | None = None
) -> "frame_evaluation.ListMetrics": ...
def evaluate(workdir: Any, config: Any = None, **options: Any) -> Any:
    """Measures a run, or lists in memory.

    `evaluate(workdir, config)` writes the report and page of a run into its workdir
    (`evaluate_run`); `evaluate(lists, truth)` takes two frames and returns metrics
    (`ytdnn.evaluation.frame_evaluation.evaluate`).

    Raises:
      errors.UserError: See these two.
    """
    from ytdnn.log.sources import frames

    if not frames.is_frame(workdir):
        return evaluate_run(workdir, config, **options)
    from ytdnn.evaluation import frame_evaluation

    return frame_evaluation.evaluate(
        workdir, config, options.pop("settings", None), **options
    )


@errors.checked
def evaluate_run(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    split: str = "test",
    again: bool = False,
    verbose: runner.Verbose = False,
) -> report_files.Evaluation:
    """Measures a run, and writes its report and page into the workdir.

    Args:
      workdir: Directory of the run, trained.
      config: Config of the run; None: that of the workdir.
      split: `test`, or `validation`, to choose settings by.
      again: Whether to measure again even if the output is complete and current.
      verbose: See the module's docstring.

    Returns:
      The report, with the metrics of each user.

    Raises:
      errors.UserError: An artefact is missing or stale, an input leaks, or there are no
        users to test.
    """
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    config = run_workdir.later_config(directory, config)
    step = graph.evaluation(split)
    several = [graph.BASELINES, step]
    with run_workdir.lock(directory):
        runner.require(several, config, directory)
        kept = run_workdir.keep_config(directory, config)
        with (
            kept if split == "test" else contextlib.nullcontext(),
            progress.shown(bool(verbose)),
        ):
            runner.run(several, config, directory, say, [step.name] if again else [])
    return report_files.read(directory / step.name)


def export(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    keep: int | None = None,
    verbose: runner.Verbose = False,
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
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    if keep is not None:
        versions.require_some(keep)
    config = run_workdir.later_config(directory, config)
    steps.require_vectors(config)
    several = [graph.TO_END, graph.bundle(config)]
    bundle = directory / several[-1].name
    with run_workdir.lock(directory):
        runner.require(several, config, directory)
        with run_workdir.keep_config(directory, config):
            runner.run(several, config, directory, say)
        if keep is not None:
            removed = versions.prune(bundle, keep)
            say(f"versions removed: {', '.join(map(str, removed)) or 'none'}")
    return bundle


def run(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    machines: shared_machines.Machines | None = None,
    verbose: runner.Verbose = False,
    is_full: bool = True,
) -> report_files.Evaluation:
    """Runs all steps, from event log to bundle; resumes where it was stopped.

    Args:
      workdir: Directory of the run, made if missing.
      config: Config of the run; None: that of the workdir, or the defaults.
      machines: See `prepare`.
      verbose: See the module's docstring.
      is_full: See `runner.run`.

    Returns:
      The report on the test.

    Raises:
      errors.UserError: A step fails.
    """
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    if config is None:
        config = run_workdir.read_config(directory) or configs.Config()
    role = runner.make_role(config)
    if role.follows():
        role.follow(graph.every(config), directory)
        return report_files.read(directory / graph.EVALUATION.name)
    with (
        run_workdir.lock(directory),
        role.watched(),
        run_workdir.keep_config(directory, config),
        progress.shown(bool(verbose)),
    ):
        chosen_steps = graph.every(config)
        if machines is not None:
            chosen_steps = (graph.data_of(None, machines), *chosen_steps[1:])
        runner.run(chosen_steps, config, directory, say, is_full=is_full)
    return report_files.read(directory / graph.EVALUATION.name)
