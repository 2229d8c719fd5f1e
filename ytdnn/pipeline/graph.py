"""The graph of steps: what each makes, from what, whether it is current, what is next.

`ytdnn run` goes through all of them, the other commands through some. A step whose
output is complete and was made from this config and these inputs is skipped, and said
so. An output is an artefact with a manifest (`ytdnn/artifacts.py`).
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn import artifacts, configs, errors
from ytdnn.configs import data as data_config
from ytdnn.evaluation import report_files
from ytdnn.pipeline import nested, refitting, sizes, steps, together
from ytdnn.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.data.sources import tables
    from ytdnn.data.spark import session

Say = Callable[[str], None]

_MOST_DIFFERENCES = 3


def _never(config: configs.Config, workdir: pathlib.Path) -> str:
    del config, workdir
    return ""


def _without_ranker(config: configs.Config, workdir: pathlib.Path) -> str:
    return steps.ranker_left_out(config, workdir)


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes:
      name: Its output's place in the workdir, which also names the step.
      command: What runs it.
      inputs: Names of the steps whose outputs it reads.
      run: Makes the output; takes (config, workdir).
      config: The part of the config that the output depends on.
      prefix: What the keys of that part lack to be settings.
      left_out: Says why it makes no sense for the prepared log, nothing if it does.
      describe: What to say of the output once it is made; takes the workdir.
      kind: Of the artefact, where it is not the last part of its name.
      given: Fingerprints of what it is given from outside the workdir.
      sections: Of the run's config, which `config.json` keeps once it is made.
      is_shared: Whether the processes of a cluster make it together.
    """

    name: str
    command: str
    inputs: tuple[str, ...]
    run: Callable[[configs.Config, pathlib.Path], None]
    config: Callable[[configs.Config], Mapping[str, Any]]
    prefix: str = ""
    left_out: Callable[[configs.Config, pathlib.Path], str] = _never
    describe: Callable[[pathlib.Path], Sequence[str]] | None = None
    kind: str = ""
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sections: tuple[str, ...] = ()
    is_shared: bool = False

    @property
    def artefact_kind(self) -> str:
        """The kind of artefact that it makes."""
        return self.kind or pathlib.PurePath(self.name).name


def evaluation(split: str, stage: str = "") -> Step:
    """Returns the step that measures a run.

    Args:
      split: `test` or `validation`.
      stage: `candidates` or `ranking` alone; empty: both, and the two together.

    Raises:
      errors.UserError: There is no such split.
    """
    require_split(split)
    inputs: tuple[str, ...] = ("data", "candidates", "index", "ranking")
    if stage:
        inputs = ("data", *dict.fromkeys(("candidates", stage)))
    return Step(
        report_files.DIRECTORIES[split],
        "evaluate",
        inputs,
        functools.partial(steps.evaluate, split=split, stage=stage),
        steps.evaluation_config,
        kind="evaluation",
        sections=report_files.SETTINGS if split == "test" and not stage else (),
    )


def require_split(split: str) -> None:
    """Checks that a split can be evaluated.

    Raises:
      errors.UserError: It cannot.
    """
    if split not in report_files.DIRECTORIES:
        known = ", ".join(report_files.DIRECTORIES)
        raise errors.UserError(
            f"expected --split to be one of {known}, received {split}"
        )


DATA = Step(
    "data",
    "prepare",
    (),
    steps.prepare,
    steps.data_config,
    "data.",
    describe=steps.describe_data,
    sections=("data",),
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
    steps.index_config,
    "index.",
    sections=("index",),
)
RANKING = Step(
    "ranking",
    "train",
    ("data", "candidates"),
    steps.train_ranking,
    steps.ranking_config,
    left_out=_without_ranker,
    sections=("ranking", "composition", "seed", "strategy", "cluster"),
    is_shared=True,
)
EVALUATION = evaluation("test")
BUNDLE = Step(
    "bundle",
    "export",
    ("data", "candidates", "index", "ranking"),
    steps.export,
    steps.bundle_config,
    sections=("composition", "refit"),
)
STEPS = (DATA, CANDIDATES, INDEX, RANKING, EVALUATION, BUNDLE)
TRAINED = (CANDIDATES, INDEX, RANKING)


def _refit(
    name: str,
    inputs: tuple[str, ...],
    run: Callable[[configs.Config, pathlib.Path], None],
    like: Step,
    left_out: Callable[[configs.Config, pathlib.Path], str] | None = None,
) -> Step:
    """Returns a step of the refit; its settings are those of the step it repeats."""
    return Step(
        name,
        "refit",
        inputs,
        run,
        like.config,
        like.prefix,
        like.left_out if left_out is None else left_out,
        is_shared=like.is_shared,
    )


REFIT = (
    _refit(
        "refit/earlier/data",
        ("data",),
        refitting.split_earlier,
        DATA,
        refitting.earlier_left_out,
    ),
    _refit(
        "refit/earlier/candidates",
        ("refit/earlier/data", "candidates"),
        refitting.train_earlier_candidates,
        CANDIDATES,
        refitting.earlier_left_out,
    ),
    _refit(
        "refit/earlier/ranking",
        ("refit/earlier/data", "refit/earlier/candidates", "ranking"),
        refitting.train_earlier_ranking,
        RANKING,
        refitting.earlier_left_out,
    ),
    dataclasses.replace(
        _refit("refit/data", ("data",), refitting.split_whole, DATA),
        describe=refitting.describe,
    ),
    _refit(
        "refit/candidates",
        ("refit/data", "candidates"),
        refitting.train_candidates,
        CANDIDATES,
    ),
    _refit(
        "refit/index",
        ("refit/data", "refit/candidates"),
        refitting.build_index,
        INDEX,
    ),
    _refit(
        "refit/ranking",
        ("refit/data", "refit/candidates", "refit/earlier/ranking", "ranking"),
        refitting.publish_ranking,
        RANKING,
    ),
)
BUNDLE_OF_REFIT = dataclasses.replace(
    BUNDLE,
    inputs=("data", "refit/candidates", "refit/index", "refit/ranking"),
    run=refitting.export,
)


def bundle(config: configs.Config) -> Step:
    """Returns the step that makes the bundle: of the measured models, or the refit."""
    return BUNDLE_OF_REFIT if config.refit else BUNDLE


def every(config: configs.Config) -> tuple[Step, ...]:
    """Returns all steps of a run in order."""
    return (*STEPS[:-1], *(REFIT if config.refit else ()), bundle(config))


def data_of(
    given: "tables.Tables | None", spark: "session.Settings | None" = None
) -> Step:
    """Returns the step that prepares: tables in memory, or on Apache Spark.

    Args:
      given: The tables; None: the source is read.
      spark: Where Spark runs; None: Polars prepares.
    """
    run = functools.partial(steps.prepare, given=given, spark=spark)
    prints = {} if given is None else given.fingerprints
    return dataclasses.replace(DATA, run=run, given=prints)


def trained(stage: str = "") -> list[Step]:
    """Returns the steps that train one stage, or all of them.

    Raises:
      errors.UserError: There is no such stage.
    """
    found = [step for step in TRAINED if stage in ("", step.name)]
    if not found:
        names = ", ".join(step.name for step in TRAINED)
        raise errors.UserError(
            f"expected --stage to be one of {names}, received {stage}"
        )
    return found


def run(
    several: Sequence[Step],
    config: configs.Config,
    workdir: pathlib.Path,
    say: Say,
    always: Collection[str] = (),
) -> None:
    """Makes what is not current, one step after the other.

    Args:
      several: In order.
      config: The run's.
      workdir: The run's.
      say: Takes a line for people when a step begins and ends.
      always: Names of steps that are made even when current.
    """
    given, led = config, together.Led(config, any(s.is_shared for s in several))
    for number, step in enumerate(several, 1):
        config = sizes.resolved(given, workdir)
        label = f"[{number}/{len(several)}] {step.name}:"
        left, reason = _decided(step, config, workdir, always)
        if step.is_shared:
            led.says(is_made=not left)
        if left:
            say(f"{label} {left}")
            continue
        say(f"{label} started ({reason})")
        for line in sizes.describe(config, workdir, step.name):
            say(line)
        started = time.perf_counter()
        step.run(config, workdir)
        workdir_room.record(workdir, config, step.sections)
        seconds = time.perf_counter() - started
        for line in step.describe(workdir) if step.describe else ():
            say(line)
        path = workdir / step.name
        say(f"{label} done in {seconds:.1f} s: {path}{_next(several, number)}")
    led.says(is_made=False)


def _decided(
    step: Step, config: configs.Config, workdir: pathlib.Path, always: Collection[str]
) -> tuple[str, str]:
    """Returns why a step is not made, and why it is: one of them, in words."""
    why = step.left_out(config, workdir)
    if why:
        return f"left out: {why}", ""
    reason = staleness(step, config, workdir)
    if reason or step.name in always:
        return "", reason or "asked for"
    path = workdir / step.name
    return f"skipped: {path} is complete and current{_unread(step, path)}", ""


def _next(several: Sequence[Step], number: int) -> str:
    return f"; next: {several[number].name}" if number < len(several) else ""


def _unread(step: Step, path: pathlib.Path) -> str:
    """Returns the words for tables that were in memory, and cannot be looked at."""
    if step is not DATA or not artifacts.read_manifest(path, step.name).inputs:
        return ""
    return " (its tables were frames in memory, which are not read again)"


def next_command(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns the command of the first step to do, `recommend` when all is done."""
    for step in every(config):
        if _applies(step, config, workdir) and staleness(step, config, workdir):
            return f"ytdnn {step.command} --workdir={workdir}"
    return f"ytdnn recommend --workdir={workdir} --user=USER_ID"


def require(
    several: Sequence[Step], config: configs.Config, workdir: pathlib.Path
) -> None:
    """Checks that all that some steps read, and do not make, is complete and current.

    Raises:
      errors.UserError: Something is not; the line says which settings or artefacts
        disagree and which command mends it.
    """
    made = {step.name for step in several}
    wanted = {name for step in several for name in step.inputs} - made
    for step in every(config):
        if step.name in wanted and _applies(step, config, workdir):
            reason = staleness(step, config, workdir)
            if reason:
                advice = _advice(step, config, workdir)
                raise errors.UserError(f"{workdir / step.name}: {reason}: {advice}")


def _advice(step: Step, config: configs.Config, workdir: pathlib.Path) -> str:
    if step is DATA and config.data.source == data_config.IN_MEMORY:
        return (
            f'its tables were frames in memory: ytdnn.prepare("{workdir}", tables=…) '
            f"in Python prepares them again"
        )
    return (
        f"run `ytdnn {step.command} --workdir={workdir}` first, or `ytdnn run` for "
        f"all steps"
    )


def _applies(step: Step, config: configs.Config, workdir: pathlib.Path) -> bool:
    return not step.left_out(config, workdir)


def staleness(step: Step, config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why a step must run, empty when its output is complete and current."""
    path, config = workdir / step.name, sizes.resolved(config, workdir)
    if not path.exists():
        return "not made yet"
    try:
        manifest = artifacts.read_manifest(path, step.artefact_kind)
    except errors.UserError as error:
        return _without_advice(error)
    found = nested.differences(manifest.config, dict(step.config(config)), step.prefix)
    if found:
        more = ["…"] if len(found) > _MOST_DIFFERENCES else []
        return "; ".join(found[:_MOST_DIFFERENCES] + more)
    if step is DATA and config.data.source == data_config.IN_MEMORY:
        return ""  # nothing is left of the tables to hold the set against
    try:
        current = input_fingerprints(step, config, workdir)
    except errors.UserError as error:
        return _without_advice(error)
    changed = [
        name
        for name in {**manifest.inputs, **current}
        if manifest.inputs.get(name) != current.get(name)
    ]
    if changed:
        return f"made from another {' and '.join(changed)}"
    return _newer_source(step, config, path)


def _without_advice(error: errors.UserError) -> str:
    """Returns what is wrong with an artefact; what to do is said by the caller."""
    text = str(error)
    return text.rpartition(": ")[0] or text


def input_fingerprints(
    step: Step, config: configs.Config, workdir: pathlib.Path
) -> dict[str, str]:
    """Returns the fingerprint of each artefact that a step reads, or is given.

    An artefact beside the output goes by its kind, any other by its place.
    """
    by_name = {each.name: each for each in (*STEPS, *REFIT)}
    names = [name for name in step.inputs if _applies(by_name[name], config, workdir)]
    found = steps.fingerprints(workdir, names)
    home = f"{pathlib.PurePath(step.name).parent}/"
    found = {name.removeprefix(home): value for name, value in found.items()}
    if step.config is CANDIDATES.config:
        found |= steps.own_encoder(config)
    if step.name == BUNDLE.name:
        found |= steps.changed_videos(workdir)
    return {**found, **step.given}


def _newer_source(step: Step, config: configs.Config, path: pathlib.Path) -> str:
    """Returns a reason when files of the source are younger than the prepared set."""
    if step is not DATA or not config.data.dir:
        return ""
    made = (path / artifacts.MANIFEST).stat().st_mtime
    source = pathlib.Path(config.data.dir)
    files = [source, *source.rglob("*")] if source.is_dir() else [source]
    newer = [f for f in files if f.is_file() and f.stat().st_mtime > made]
    return f"{newer[0]} has changed since" if newer else ""
