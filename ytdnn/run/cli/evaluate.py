"""`ytdnn evaluate`: evaluates a run, a bundle, or a file of predictions."""

import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import configs, errors, registries
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, engine, output, resolved, tracker_flag
from ytdnn.run.pipeline import graph, runner, system_evaluation

if TYPE_CHECKING:
    from ytdnn.evaluation import report_files
    from ytdnn.run.pipeline import tracker as tracker_room

Flag = arguments.Flag

_SPLITS = ("test", "validation")
_OTHERS = ("predictions", "bundle")
_ENGINE_FLAGS = engine.flags("evaluates a run")
FLAGS = (
    dataclasses.replace(resolved.WORKDIR, text="Directory of the run.", required=False),
    resolved.CONFIG,
    Flag(
        "predictions",
        "Predictions of another system as Parquet or CSV: user_id, video_id, score.",
        example="FILE",
    ),
    Flag("bundle", "Directory of a bundle to evaluate.", "", "DIR"),
    Flag(
        "data",
        "Prepared set to evaluate predictions or a bundle on; default: WORKDIR/data.",
        example="DIR",
    ),
    Flag("split", "Window to evaluate; default: test.", example="|".join(_SPLITS)),
    Flag(
        "out",
        "Directory of the report on predictions or a bundle; default: NAME_evaluation "
        "next to them.",
        example="DIR",
    ),
    Flag(
        "users",
        "Users to evaluate: a file of ids, or a condition over columns of users, "
        "\"country = 'DE'\"; default: all.",
        example="FILE|CONDITION",
    ),
    Flag(
        "videos",
        "Videos that count as right answers, in the same form; all videos are still "
        "ranked.",
        example="FILE|CONDITION",
    ),
    resolved.K,
    tracker_flag.FLAG,
    *_ENGINE_FLAGS,
    resolved.JSON,
    Flag("explain", "Explain every number of the report, and exit.", is_switch=True),
)


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: Flags contradict each other, an artefact is missing or does not
        fit, or an input leaks.
    """
    values = given.values
    if values.get("explain") == "True":
        _explain()
        return
    split = arguments.choice(given, "split", _SPLITS, _SPLITS[0])
    chosen = [name for name in _OTHERS if name in values]
    if len(chosen) > 1:
        raise errors.UserError("expected --predictions or --bundle, received both")
    if chosen:
        _of_other(given, chosen[0], split)
    else:
        _of_run(given, split)


def _of_run(given: arguments.Arguments, split: str) -> None:
    for name in ("data", "out"):
        if name in given.values:
            raise errors.UserError(
                f"--{name} belongs to --predictions or --bundle: a run has its own"
            )
    if "workdir" not in given.values:
        raise errors.UserError(
            "expected --workdir=DIR, --predictions=FILE or --bundle=DIR, received none "
            "(ytdnn evaluate --help)"
        )
    machines = engine.chosen(given)
    directory = pathlib.Path(given.values["workdir"])
    config = _of_parts(given, resolved.later_config(given, directory))
    found = pipeline.evaluate(
        directory,
        config,
        split=split,
        machines=machines,
        again=True,
        verbose=output.say,
    )
    with tracker_flag.tracked(given, directory, config) as tracker:
        track(tracker, found, split)
    show(found)
    for note in graph.notes(config, directory):
        output.say(note)
    output.say(f"next: {runner.next_command(config, directory)}")


def _of_other(given: arguments.Arguments, kind: str, split: str) -> None:
    values = given.values
    for flag in _ENGINE_FLAGS:
        if flag.name in values:
            raise errors.UserError(
                f"--{flag.name} belongs to the evaluation of a run: leave it out with "
                f"--{kind}"
            )
    path = pathlib.Path(values[kind])
    if "data" not in values and "workdir" not in values:
        raise errors.UserError(
            f"expected --data=DIR, the prepared set to evaluate --{kind} on, or "
            f"--workdir=DIR, received neither"
        )
    if "workdir" in values:
        directory = pathlib.Path(values["workdir"])
        config = resolved.later_config(given, directory)
        data = pathlib.Path(values.get("data", directory / graph.DATA.name))
    else:
        config = resolved.config(given, configs.Config())
        data = pathlib.Path(values["data"])
    config = _of_parts(given, config)
    name = f"{path.resolve().stem}_evaluation"
    out = pathlib.Path(values.get("out", path.parent / name))
    show(system_evaluation.evaluate(kind, path, data, config.evaluation, split, out))


def _of_parts(given: arguments.Arguments, config: configs.Config) -> configs.Config:
    """Returns a config with the users and videos of the flags."""
    named = {n: given.values[n] for n in ("users", "videos") if n in given.values}
    evaluation = dataclasses.replace(config.evaluation, **named)  # type: ignore[arg-type]
    return dataclasses.replace(config, evaluation=evaluation)


def show(found: "report_files.Evaluated") -> None:
    """Prints an evaluation as a table, and the path of its page."""
    from ytdnn.evaluation import report_files, report_model, terminal

    output.result(
        lambda: {
            "path": found.path,
            "report": json.loads(report_model.to_json(found.report)),
        }
    )
    terminal.show(found.report)
    counts = found.report.protocol.predictions
    if counts is not None and counts.out_of_vocabulary + counts.of_other_users:
        output.say(
            f"note: of {counts.rows:,} predictions {counts.out_of_vocabulary:,} are of "
            f"videos that the data lack, {counts.of_other_users:,} of users who are "
            f"not asked; {counts.users_without:,} users have none"
        )
    files = registries.REPORT_FILES
    if "page" in files:
        output.say(f"report: {found.path / report_files.PAGE} (open it in a browser)")
    else:
        output.say(f"report: {found.path / report_files.REPORT}")


def track(
    tracker: "tracker_room.Tracker | None", found: "report_files.Evaluated", split: str
) -> None:
    """Reports an evaluation to the tracker, if there is one."""
    if tracker is not None:
        from ytdnn.run.pipeline import tracker as tracking

        tracker.on_results(tracking.results(found.report, split))


def _explain() -> None:
    from ytdnn.evaluation import terminal

    output.say(terminal.explain())
