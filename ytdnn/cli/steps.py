"""The steps of a run: what each makes, from what, and whether it is still current.

`ytdnn run` goes through all of them, the other commands through some. A step whose
output is complete and was made from this config and these inputs is skipped, and said
so. An output is an artefact with a manifest (`ytdnn/artifacts.py`).
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ytdnn import artifacts, configs, errors
from ytdnn.cli import lazy, output, settings
from ytdnn.evaluation import report_files

_MOST_DIFFERENCES = 3


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes:
      name: Its output in the workdir, which also names the step.
      command: What runs it alone.
      inputs: Names of the steps whose outputs it reads.
      run: Makes the output; takes (config, workdir).
      config: The part of the config that the output depends on.
      prefix: What the keys of that part lack to be settings.
      needs_impressions: Whether it makes sense only for a log with impressions.
      kind: Of the artefact, where it is not its name.
    """

    name: str
    command: str
    inputs: tuple[str, ...]
    run: Callable[[configs.Config, pathlib.Path], None]
    config: Callable[[configs.Config], Mapping[str, Any]]
    prefix: str = ""
    needs_impressions: bool = False
    kind: str = ""


def evaluation(split: str, stage: str = "") -> Step:
    """Returns the step that measures a run.

    Args:
      split: `test` or `validation`.
      stage: `candidates` or `ranking` alone; empty: both, and the two composed.
    """
    inputs = ("data", stage) if stage else ("data", "candidates", "index", "ranking")
    return Step(
        report_files.DIRECTORIES[split],
        "evaluate",
        inputs,
        functools.partial(lazy.evaluate, split=split, stage=stage),
        lazy.evaluation_config,
        "evaluation.",
        kind="evaluation",
    )


DATA = Step("data", "prepare", (), lazy.prepare, lazy.data_config, "data.")
CANDIDATES = Step(
    "candidates",
    "train",
    ("data",),
    lazy.train_candidates,
    lazy.candidates_config,
)
INDEX = Step(
    "index",
    "train",
    ("data", "candidates"),
    lazy.build_index,
    lazy.index_config,
    "index.",
)
RANKING = Step(
    "ranking",
    "train",
    ("data",),
    lazy.train_ranking,
    lazy.ranking_config,
    needs_impressions=True,
)
EVALUATION = evaluation("test")
BUNDLE = Step(
    "bundle",
    "export",
    ("data", "candidates", "index", "ranking"),
    lazy.export,
    lazy.bundle_config,
)
STEPS = (DATA, CANDIDATES, INDEX, RANKING, EVALUATION, BUNDLE)
TRAINED = (CANDIDATES, INDEX, RANKING)


def run(
    steps: Sequence[Step],
    config: configs.Config,
    workdir: pathlib.Path,
    always: Collection[str] = (),
) -> None:
    """Makes what is not current, one step after the other.

    Args:
      steps: In order.
      config: The run's.
      workdir: The run's.
      always: Names of steps that are made even when current.
    """
    for number, step in enumerate(steps, 1):
        label = f"[{number}/{len(steps)}] {step.name}:"
        path = workdir / step.name
        if not applies(step, workdir):
            output.say(f"{label} left out: the log has no impressions to rank by")
            continue
        reason = staleness(step, config, workdir)
        if not reason and step.name not in always:
            output.say(f"{label} skipped: {path} is complete and current")
            continue
        output.say(f"{label} started ({reason or 'asked for'})")
        started = time.perf_counter()
        step.run(config, workdir)
        seconds = time.perf_counter() - started
        output.say(f"{label} done in {seconds:.1f} s: {path}{_next(steps, number)}")


def _next(steps: Sequence[Step], number: int) -> str:
    return f"; next: {steps[number].name}" if number < len(steps) else ""


def next_command(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns the command of the first step to do, `recommend` when all is done."""
    for step in STEPS:
        if applies(step, workdir) and staleness(step, config, workdir):
            return f"ytdnn {step.command} --workdir={workdir}"
    return f"ytdnn recommend --workdir={workdir} --user=USER_ID"


def require(
    steps: Sequence[Step], config: configs.Config, workdir: pathlib.Path
) -> None:
    """Checks that all that `steps` read, and do not make, is complete and current.

    Raises:
      errors.UserError: Something is not; the line says which settings or artefacts
        disagree and which command mends it.
    """
    made = {step.name for step in steps}
    wanted = {name for step in steps for name in step.inputs} - made
    for step in STEPS:
        if step.name in wanted and applies(step, workdir):
            reason = staleness(step, config, workdir)
            if reason:
                raise errors.UserError(
                    f"{workdir / step.name}: {reason}: run `ytdnn {step.command} "
                    f"--workdir={workdir}` first, or `ytdnn run` for all steps"
                )


def applies(step: Step, workdir: pathlib.Path) -> bool:
    """Whether a step makes sense for the prepared log."""
    return not step.needs_impressions or lazy.has_impressions(workdir)


def staleness(step: Step, config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why a step must run, empty when its output is complete and current."""
    path = workdir / step.name
    if not path.exists():
        return "not made yet"
    try:
        manifest = artifacts.read_manifest(path, step.kind or step.name)
    except errors.UserError as error:
        return str(error)
    found = settings.differences(
        manifest.config, dict(step.config(config)), step.prefix
    )
    if found:
        more = ["…"] if len(found) > _MOST_DIFFERENCES else []
        return "; ".join(found[:_MOST_DIFFERENCES] + more)
    try:
        current = input_fingerprints(step, workdir)
    except errors.UserError as error:
        return str(error)
    changed = [
        name
        for name in {**manifest.inputs, **current}
        if manifest.inputs.get(name) != current.get(name)
    ]
    if changed:
        return f"made from another {' and '.join(changed)}"
    return _newer_source(step, config, path)


def input_fingerprints(step: Step, workdir: pathlib.Path) -> dict[str, str]:
    """Returns the fingerprint of each artefact that a step reads."""
    by_name = {step.name: step for step in STEPS}
    names = [name for name in step.inputs if applies(by_name[name], workdir)]
    return lazy.fingerprints(workdir, names)


def _newer_source(step: Step, config: configs.Config, path: pathlib.Path) -> str:
    """Returns a reason when files of the source are younger than the prepared set."""
    if step is not DATA or not config.data.dir:
        return ""
    made = (path / artifacts.MANIFEST).stat().st_mtime
    source = pathlib.Path(config.data.dir)
    files = [source, *source.rglob("*")] if source.is_dir() else [source]
    newer = [f for f in files if f.is_file() and f.stat().st_mtime > made]
    return f"{newer[0]} has changed since" if newer else ""
