"""`ytdnn experiments`: prints the runs of a directory as one sorted table."""

import csv
import pathlib
import sys
from collections.abc import Sequence

import rich.box
import rich.table

from ytdnn.evaluation import report_files
from ytdnn.lab.studies import run_table
from ytdnn.run.cli import command, output

Flag = command.Flag

FLAGS = (
    Flag(
        "dir",
        "Directory to search for runs, at any depth.",
        "",
        "DIR",
        required=True,
    ),
    Flag(
        "metrics",
        "Metrics to show, each as MODEL/METRIC@K; default: hit rate and nDCG of "
        "candidates, hit rate of both stages, AUC and per-user loss of the ranker.",
        example="candidates/recall@50,…",
    ),
    Flag(
        "sort",
        "Metric to sort by, best run first, or run to sort by name; default: the first "
        "metric shown.",
        example="MODEL/METRIC@K",
    ),
    Flag("split", "Evaluated window; default: test.", example="test|validation"),
    Flag(
        "format",
        "table (default), or csv with a column for each setting that differs.",
        example="table|csv",
    ),
)
_FORMATS = ("table", "csv")


@command.register("experiments", FLAGS)
def run(given: command.Arguments) -> None:
    """List the runs below a directory, with their differing settings and metrics.

    One table of all runs below a directory, the best first: the metrics of each
    evaluation, and the settings that differ between the runs and from their defaults.

    Examples:
      ytdnn experiments --dir=runs
      ytdnn experiments --dir=runs --sort=ranker/auc --metrics=ranker/auc

    Raises:
      errors.UserError: There is no run, or a flag has a wrong value.
    """
    values = given.values
    split = command.choice(given, "split", list(report_files.DIRECTORIES), "test")
    shape = command.choice(given, "format", _FORMATS, "table")
    runs = run_table.find(pathlib.Path(values["dir"]), split)
    wanted = [name for name in values.get("metrics", "").split(",") if name]
    metrics = run_table.chosen(runs, wanted)
    by = values.get("sort") or (metrics[0] if metrics else run_table.RUN)
    if by != run_table.RUN:
        run_table.chosen(runs, [by])
    runs = run_table.ordered(runs, by)
    output.result(lambda: {"runs": runs})
    (_write_csv if shape == "csv" else _show)(runs, metrics)


def _show(runs: Sequence[run_table.Run], metrics: Sequence[str]) -> None:
    keys = run_table.differing(runs)
    table = rich.table.Table(box=rich.box.SIMPLE, title_justify="left")
    table.add_column("run", overflow="fold")
    for metric in metrics:
        table.add_column(metric.replace("/", "\n"), justify="right", no_wrap=True)
    table.add_column("settings that differ", overflow="fold")
    for listed_run in runs:
        cells = [
            f"{listed_run.metrics[m]:.4f}" if m in listed_run.metrics else "–"
            for m in metrics
        ]
        own = [f"{k}={v}" for k, v in run_table.differences(listed_run, keys).items()]
        words = [f"({listed_run.note})"] if listed_run.note else []
        table.add_row(listed_run.name, *cells, "\n".join(words + own) or "(defaults)")
    output.screen().print(table)
    output.say(
        f"runs: {len(runs)}; a setting that all share, or that a run leaves at its "
        f"default, is not listed"
    )


def _write_csv(runs: Sequence[run_table.Run], metrics: Sequence[str]) -> None:
    keys = run_table.differing(runs)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([run_table.RUN, "note", *metrics, *keys])
    for listed_run in runs:
        numbers = [listed_run.metrics.get(metric, "") for metric in metrics]
        settings = [run_table.text(listed_run.settings.get(key, "")) for key in keys]
        writer.writerow([listed_run.name, listed_run.note, *numbers, *settings])
