"""The graph of steps: the output of each, and its inputs.

`ytdnn run` goes through all of them, the other commands through some
(`ytdnn/run/pipeline/runner.py`). An output is an artefact with a manifest
(`ytdnn/base/artifacts.py`).
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import configs, errors, registries
from ytdnn.evaluation import continued_models, report_files
from ytdnn.run.pipeline import continuation_steps, steps, steps_after_training

if TYPE_CHECKING:
    from ytdnn.log.sources import memory_tables
    from ytdnn.run.pipeline import shared_machines


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes:
      name: Path of its output in the workdir, which also names the step.
      command: Command that runs it.
      inputs: Names of the steps whose outputs it reads.
      run: Function of (config, workdir) that makes the output.
      config: The part of the config that the output depends on.
      prefix: Prefix that the keys of that part need to be settings.
      left_out: Function that returns why the step does not apply to the prepared log;
        empty if it applies.
      describe: Function of (config, workdir) that returns the lines to print after the
        step.
      advise: The same, of the lines to print where all steps are run.
      kind: Kind of the artefact, if it is not the last part of its name.
      given: Function that returns fingerprints of inputs from outside the workdir.
      sections: Sections of the run's config that `config.json` keeps after the step.
      is_shared: Whether the processes of a cluster make it together.
      is_served: Whether its output is served, unlike a ranker that `choice` leaves out.
    """

    name: str
    command: str
    inputs: tuple[str, ...]
    run: Callable[[configs.Config, pathlib.Path], None]
    config: Callable[[configs.Config], Mapping[str, Any]]
    prefix: str = ""
    left_out: Callable[[configs.Config, pathlib.Path], str] = lambda *_: ""
    describe: Callable[[configs.Config, pathlib.Path], Sequence[str]] | None = None
    advise: Callable[[configs.Config, pathlib.Path], Sequence[str]] | None = None
    kind: str = ""
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sections: tuple[str, ...] = ()
    is_shared: bool = False
    is_served: bool = False

    @property
    def artefact_kind(self) -> str:
        """The kind of the output artefact."""
        return self.kind or pathlib.PurePath(self.name).name


def evaluation(split: str, stage: str = "") -> Step:
    """Returns the step that measures a run.

    Args:
      split: `test` or `validation`.
      stage: `candidates` or `ranking`: only that stage; empty: both, and the system.

    Raises:
      errors.UserError: The split is unknown.
    """
    if split not in report_files.DIRECTORIES:
        known = ", ".join(report_files.DIRECTORIES)
        raise errors.UserError(
            f"expected --split to be one of {known}, received {split}"
        )
    inputs: tuple[str, ...] = (*_MODELS, "choice", "baselines")
    if split == "test":
        inputs += (TO_TEST.name,)
    if stage:
        inputs = ("data", *dict.fromkeys(("candidates", stage)))
    return Step(
        report_files.DIRECTORIES[split],
        "evaluate",
        inputs,
        functools.partial(steps_after_training.evaluate, split=split, stage=stage),
        steps_after_training.evaluation_config,
        kind="evaluation",
        sections=report_files.SETTINGS if split == "test" and not stage else (),
    )


_MODELS = ("data", "candidates", "index", "ranking")
DATA = Step(
    "data",
    "prepare",
    (),
    steps.prepare,
    lambda config: configs.to_dict(config.data),
    "data.",
    describe=steps.describe_data,
    advise=functools.partial(steps.describe_data, is_full=False),
    sections=("data",),
)
CONTEST = Step(
    "contest",
    "train",
    ("data",),
    steps.hold_contest,
    steps.contest_config,
    left_out=steps.contest_left_out,
)
CANDIDATES = Step(
    "candidates",
    "train",
    ("data",),
    steps.train_candidates,
    steps.candidates_config,
    sections=("candidates", "seed", "strategy", "cluster"),
    is_shared=True,
)
INDEX = Step(
    "index",
    "train",
    ("data", "candidates"),
    steps.build_index,
    lambda config: configs.to_dict(config.index),
    "index.",
    left_out=steps.vectors_left_out,
    sections=("index",),
)
RANKING = Step(
    "ranking",
    "train",
    ("data", "candidates"),
    steps.train_ranking,
    steps.ranking_config,
    left_out=steps.ranker_left_out,
    sections=("ranking", "composition", "seed", "strategy", "cluster"),
    is_shared=True,
)
CHOICE = Step(
    "choice",
    "train",
    ("data", "candidates", "ranking"),
    steps_after_training.choose_order,
    steps_after_training.choice_config,
    left_out=steps_after_training.choice_left_out,
    describe=steps_after_training.describe_choice,
    sections=("ranking",),
)
TO_TEST = Step(
    f"{continued_models.TO_TEST}/{continued_models.KIND}",
    "train",
    ("data", "candidates", "ranking"),
    continuation_steps.to_test,
    continuation_steps.step_config,
    left_out=continued_models.left_out,
    describe=functools.partial(continuation_steps.describe, continued_models.TO_TEST),
    sections=("advance", "refresh"),
)
BASELINES = Step(
    "baselines",
    "evaluate",
    ("data",),
    steps.fit_baselines,
    steps.baselines_config,
    describe=steps.describe_baselines,
)
EVALUATION = evaluation("test")
TO_END = dataclasses.replace(
    TO_TEST,
    name=f"{continued_models.TO_END}/{continued_models.KIND}",
    command="export",
    inputs=(*TO_TEST.inputs, TO_TEST.name),
    run=continuation_steps.to_end,
    left_out=continued_models.end_left_out,
    describe=functools.partial(continuation_steps.describe, continued_models.TO_END),
)
BUNDLE = Step(
    "bundle",
    "export",
    (*_MODELS, TO_TEST.name, TO_END.name),
    steps_after_training.export,
    steps_after_training.bundle_config,
    left_out=steps.vectors_left_out,
    sections=("composition", "refit"),
    is_served=True,
)
TRAINED = (CONTEST, CANDIDATES, INDEX, RANKING, CHOICE, TO_TEST)
STEPS = (DATA, *TRAINED, BASELINES, EVALUATION, TO_END, BUNDLE)


def added(config: configs.Config) -> tuple[Step, ...]:
    """Returns the steps that registered parts add to a run with these settings.

    Raises:
      errors.UserError: The config asks for a refit, whose steps are not installed, or
        which the candidate model does not have.
    """
    if config.refit:
        steps.require_vectors(config)
        _ = registries.STEPS["refit"]
    made = [registries.STEPS.made(name, tuple, config) for name in registries.STEPS]
    return tuple(step for several in made for step in several)


def bundle(config: configs.Config) -> Step:
    """Returns the step of the bundle, with the evaluated models or the refit."""
    matching = [step for step in added(config) if step.name == BUNDLE.name]
    return matching[-1] if matching else BUNDLE


def every(config: configs.Config) -> tuple[Step, ...]:
    """Returns all steps of a run in order; added steps precede the bundle."""
    others = (step for step in added(config) if step.name != BUNDLE.name)
    return (*STEPS[:-1], *others, bundle(config))


def data_of(
    given: "memory_tables.TablesInMemory | None",
    machines: "shared_machines.Machines | None" = None,
) -> Step:
    """Returns the step `data`, for tables in memory, or on other machines.

    Args:
      given: Tables in memory; None: the source is read.
      machines: The machines; None: this machine.
    """
    run = functools.partial(steps.prepare, given=given, machines=machines)
    prints = {} if given is None else given.fingerprints
    return dataclasses.replace(DATA, run=run, given=prints)


def notes(config: configs.Config, workdir: pathlib.Path) -> list[str]:
    """Returns the notes of registered steps on a run's evaluation."""
    texts = [part.note for part in registries.STEPS.parts() if part.note is not None]
    return [note for note in (each(config, workdir) for each in texts) if note]


def trained(stage: str = "") -> list[Step]:
    """Returns the steps that train one stage, or all of them.

    After the ranker's training, the served order is chosen, and models go on learning.

    Raises:
      errors.UserError: The stage is unknown.
    """
    stages = [CANDIDATES, INDEX, RANKING]
    chosen = [step for step in stages if stage in ("", step.name)]
    if CANDIDATES in chosen:
        chosen.insert(0, CONTEST)
    if RANKING in chosen:
        chosen += [CHOICE, TO_TEST]
    if not chosen:
        names = ", ".join(step.name for step in stages)
        raise errors.UserError(
            f"expected --stage to be one of {names}, received {stage}"
        )
    return chosen
