"""`ytdnn evaluate`: evaluates a run, a bundle, or a file of predictions."""

import dataclasses
import json
import pathlib

from ytdnn.base import configs, errors, registries
from ytdnn.evaluation import report_files, report_types
from ytdnn.run import pipeline
from ytdnn.run.cli import command, flags, output, resolved_config
from ytdnn.run.pipeline import external_evaluations, graph, runner
from ytdnn.run.pipeline import tracker as tracking

Flag = command.Flag

_SPLITS = ("test", "validation")
_OTHERS = ("predictions", "bundle", "write_requests")
_FLAGS = (
    dataclasses.replace(flags.WORKDIR, text="Directory of the run.", required=False),
    flags.CONFIG,
    Flag("predictions", "Parquet or CSV: user_id, video_id, score.", example="FILE"),
    Flag("bundle", "Directory of a bundle to evaluate.", example="DIR"),
    Flag("data", "Prepared set of these; default: WORKDIR/data.", example="DIR"),
    Flag("split", "Window to evaluate; default: test.", example="|".join(_SPLITS)),
    Flag(
        "write_requests",
        "Write the requests of the split, for --predictions with request_id, and exit.",
        example="FILE",
    ),
    Flag("out", "Report of these; default: NAME_evaluation.", example="DIR"),
    Flag("users", key="evaluation.users", example="FILE|CONDITION"),
    Flag("videos", key="evaluation.videos", example="FILE|CONDITION"),
    flags.K,
    flags.TRACKER,
    flags.FULL,
    Flag("explain", "Explain every number of the report, and exit.", is_switch=True),
)


def _run(given: command.Arguments) -> None:
    """Evaluate a run, a bundle, or a file of predictions.

    Checks for leaks, ranks all videos exactly for each test user, evaluates the ranker
    on test impressions, and both stages together, with intervals and slices; prints a
    table and writes WORKDIR/evaluation: report.json, report.html, the values of each
    user. With --bundle or --predictions, evaluates an exported bundle, or another
    system's table of user_id, video_id and score, in the same way.

    Examples:
      ytdnn evaluate --workdir=runs/mine
      ytdnn evaluate --workdir=runs/mine --split=validation --k=10,50,100
      ytdnn evaluate --predictions=als.parquet --data=runs/mine/data
      ytdnn evaluate --workdir=runs/mine --write_requests=requests.parquet
      ytdnn evaluate --bundle=runs/mine/bundle --data=runs/mine/data --out=DIR
      ytdnn evaluate --explain
    """
    values = given.values
    if values.get("explain") == "True":
        from ytdnn.evaluation import terminal

        output.say(terminal.explain())
        return
    split = command.choice(given, "split", _SPLITS, _SPLITS[0])
    chosen = [name for name in _OTHERS if name in values]
    if len(chosen) > 1:
        both = " and --".join(chosen)
        raise errors.UserError(f"expected one of --{both}, received both")
    if "write_requests" in chosen:
        _write_requests(given, split)
    elif chosen:
        _evaluate_system(given, chosen[0], split)
    else:
        _evaluate_run(given, split)


def _evaluate_run(given: command.Arguments, split: str) -> None:
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
    directory = pathlib.Path(given.values["workdir"])
    config = resolved_config.later_config(given, directory)
    with resolved_config.tracked(given, directory, config) as tracker:
        evaluated = pipeline.evaluate(
            directory,
            config,
            split=split,
            again=True,
            verbose=output.say,
        )
        track(tracker, evaluated, split)
    show(evaluated, given)
    for note in graph.notes(config, directory):
        output.say(note)
    output.say(f"next: {runner.next_command(config, directory)}")


def _write_requests(given: command.Arguments, split: str) -> None:
    data, config = _prepared_set(given, "--write_requests")
    path = pathlib.Path(given.values["write_requests"])
    number = external_evaluations.write_requests(data, config.evaluation, split, path)
    output.say(
        f"{number:,} requests in {path}: give request_id, video_id and score of your "
        f"lists to ytdnn evaluate --predictions=FILE"
    )


def _evaluate_system(given: command.Arguments, kind: str, split: str) -> None:
    values = given.values
    path = pathlib.Path(values[kind])
    data, config = _prepared_set(given, f"--{kind}")
    name = f"{path.resolve().stem}_evaluation"
    out = pathlib.Path(values.get("out", path.parent / name))
    made = external_evaluations.evaluate(
        kind, path, data, config.evaluation, split, out
    )
    show(made, given)


def _prepared_set(
    given: command.Arguments, what: str
) -> tuple[pathlib.Path, configs.Config]:
    """Returns the prepared set that something is evaluated on, and the settings."""
    values = given.values
    if "data" not in values and "workdir" not in values:
        raise errors.UserError(
            f"expected --data=DIR, the prepared set to evaluate {what} on, or "
            f"--workdir=DIR, received neither"
        )
    if "workdir" not in values:
        return pathlib.Path(values["data"]), resolved_config.config(
            given, configs.Config()
        )
    directory = pathlib.Path(values["workdir"])
    config = resolved_config.later_config(given, directory)
    return pathlib.Path(values.get("data", directory / graph.DATA.name)), config


def show(evaluated: report_files.Evaluation, given: command.Arguments) -> None:
    """Prints an evaluation as a table, and the path of its page."""
    from ytdnn.evaluation import terminal

    output.result(
        lambda: {
            "path": evaluated.path,
            "report": json.loads(report_types.to_json(evaluated.report)),
        }
    )
    terminal.show(evaluated.report, flags.FULL.name in given.values)
    counts = evaluated.report.protocol.predictions
    if counts is not None and (
        counts.out_of_vocabulary + counts.of_other_users + counts.users_without
    ):
        output.say(
            f"note: of {counts.rows:,} predictions {counts.out_of_vocabulary:,} are of "
            f"videos that the data lack, {counts.of_other_users:,} of users or "
            f"requests not asked; {counts.users_without:,} of those asked have none"
        )
    if "page" in registries.HOOKS:
        page = evaluated.path / report_files.PAGE
        output.say(f"report: {page} (open it in a browser)")
    else:
        output.say(f"report: {evaluated.path / report_files.REPORT}")


def track(
    tracker: tracking.Tracker | None,
    evaluated: report_files.Evaluation,
    split: str,
) -> None:
    """Reports an evaluation to the tracker, if there is one."""
    if tracker is not None:
        tracker.on_results(tracking.results(evaluated.report, split))


COMMAND = command.from_function(
    "evaluate", _run, _FLAGS, ("extensions", "composition", "evaluation")
)
