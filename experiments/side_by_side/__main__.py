"""Runs cells and prints the table (see `experiments/side_by_side/__init__.py`)."""

import argparse
import pathlib
from collections.abc import Sequence

from experiments.benchmarks import measure
from experiments.side_by_side import cells, logs, page

_TUNED = "implicit_als,implicit_bpr,rp3beta,rectools_ease,rectools_popular"
_QUICK = ("implicit_als", "implicit_bpr", "rp3beta")
_FINISHED = pathlib.Path("runs/quickstart")  # what `make run` leaves


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.side_by_side",
        description="Compares ytdnn with other systems on the same logs.",
    )
    add = parser.add_argument
    add("--out", type=pathlib.Path, default=pathlib.Path("runs/side_by_side"))
    add("--data", type=pathlib.Path, help="directory of the data sets")
    add("--logs", help="names with commas between; default: all")
    add("--systems", help="names of files of systems/; default: all")
    add("--tuned", default=_TUNED, help="systems with a tuned row too")
    add("--run", action="append", default=[], metavar="LOG=WORKDIR[@SECONDS]")
    add("--minutes", type=float, default=120.0, help="core-minutes of a cell")
    add("--gibibytes", type=float, default=12.0, help="memory of a cell")
    add("--quick", action="store_true", help="three logs, four systems")
    add("--ranx", action="store_true", help="check each nDCG by ranx")
    add("--table", action="store_true", help="print the table and run nothing")
    add("--write", action="store_true", help="write the results and the page")
    return parser


def _chosen(given: str | None, known: Sequence[str], what: str) -> list[str]:
    """Returns the names of a list with commas between, or all.

    Raises:
      SystemExit: A name is none's.
    """
    names = list(known) if given is None else [n for n in given.split(",") if n]
    for name in names:
        if name not in known:
            raise SystemExit(
                f"error: {what}: expected names of {', '.join(known)}, found {name!r}"
            )
    return names


def _adopt(bench: cells.Bench, given: str) -> tuple[str, float | None]:
    """Links a finished run; returns its log and processor seconds, where known.

    Raises:
      SystemExit: It is no finished run.
    """
    log, _, rest = given.partition("=")
    path, _, seconds = rest.partition("@")
    _chosen(log, list(logs.LOGS), "--run")
    if not (pathlib.Path(path) / "evaluation").exists():
        raise SystemExit(
            f"error: --run: expected LOG=WORKDIR of a finished run, found {given!r}"
        )
    link = bench.out / log / "run"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(pathlib.Path(path).absolute())
    return log, float(seconds) if seconds else None


def _run(bench: cells.Bench, options: argparse.Namespace) -> list[cells.Record]:
    """Runs all cells that are not finished, one after the other."""
    all_logs, systems = list(logs.LOGS), list(cells.SYSTEMS)
    if options.quick:
        all_logs, systems = list(logs.QUICK), list(_QUICK)
        if (_FINISHED / "evaluation").exists():
            options.run.append(f"quickstart={_FINISHED}")
    given = dict(_adopt(bench, one) for one in options.run)
    tuned = _chosen(options.tuned, cells.SYSTEMS, "--tuned")
    found = []
    for log in _chosen(options.logs, all_logs, "--logs"):
        ours = _said(cells.own(bench, log, given.get(log)))
        found.append(ours)
        for system in _chosen(options.systems, systems, "--systems"):
            if ours["status"] != "done":
                break
            found.append(_said(cells.other(bench, log, system)))
            if system in tuned and not options.quick:
                found.append(_said(cells.other(bench, log, system, is_tuned=True)))
    return found


def _said(record: cells.Record) -> cells.Record:
    print(f"{record['log']}: {'  '.join(page.row(record)[:5])}", flush=True)
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs cells, prints the table, and writes the results if asked to."""
    options = _parser().parse_args(arguments)
    limits = measure.Limits(60.0 * options.minutes, 1_024.0 * options.gibibytes)
    bench = cells.Bench(options.out, options.data, limits, options.ranx)
    is_run = not options.table and not options.write
    records = _run(bench, options) if is_run else bench.records()
    for rows in page.by_log(records).values():
        print(page.table(rows))
    if options.write:
        page.write(records)


if __name__ == "__main__":
    main()
