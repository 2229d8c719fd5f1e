"""One cell of the table: a system on a log, run within limits, scored, recorded."""

import ast
import dataclasses
import datetime
import json
import math
import os
import pathlib
import subprocess
import sys
import venv
from typing import Any

import polars as pl

from experiments.benchmarks import measure
from experiments.side_by_side import logs, splits
from tests import code_size
from ytdnn.base import configs, errors
from ytdnn.evaluation import compare, lists, prediction_files, report_files, user_cases
from ytdnn.evaluation import measure as measure_lists
from ytdnn.log import events, prepared
from ytdnn.run.pipeline import workdir as run_workdir

HERE = pathlib.Path(__file__).parent
OWN = "ytdnn"
TUNED = ".tuned"  # after the name of a system
SYSTEMS = (
    "implicit_als",
    "implicit_bpr",
    "rp3beta",
    "rectools_ease",
    "rectools_ials",
    "rectools_sasrec",
    "rectools_bert4rec",
    "rectools_popular",
    "lenskit_items",
    "lenskit_users",
    "lenskit_mf",
    "tfrs_tutorial",
)
JUDGE, _HITS = "ndcg@10", "hit_rate@10"
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where cells run, and what they may take.

    Attributes:
      out: Directory of all cells and environments.
      data: Directory of the data sets; None: they are downloaded.
      limits: Of a cell.
      ranx: Whether each cell's nDCG is computed by ranx too, and must be the same.
    """

    out: pathlib.Path
    data: pathlib.Path | None
    limits: measure.Limits
    ranx: bool = False

    def home(self, log: str, name: str) -> pathlib.Path:
        """Returns the directory of a cell."""
        return self.out / log / name

    def records(self) -> list[Record]:
        """Returns the records of all finished cells."""
        paths = self.out.glob("*/*/record.json")
        return [json.loads(path.read_text()) for path in sorted(paths)]


def constants(system: str) -> dict[str, Any]:
    """Returns what a system's file says of it, without its imports.

    Args:
      system: Name of the file.

    Returns:
      `title`, `REQUIREMENTS`, `LACKS`, and `code_lines` with those of its helpers.
    """
    text = (HERE / "systems" / f"{system}.py").read_text()
    tree = ast.parse(text)
    title = (ast.get_docstring(tree) or "").rstrip(".")
    found: dict[str, Any] = {"title": title}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found[ast.unparse(node.targets[0])] = node.value.value
        if isinstance(node, ast.Import):
            helper = HERE / "systems" / f"{node.names[0].name}.py"
            text += "\n" + (helper.read_text() if helper.exists() else "")
    return found | {"code_lines": code_size.code_lines(text)}


def own(bench: Bench, log: str, spent: float | None = None) -> Record:
    """Runs ytdnn on a log, or takes its finished run, and writes the split.

    Args:
      bench: Where it runs.
      log: Name of the log.
      spent: Processor seconds of a run that is there.
    """
    home, run = bench.home(log, OWN), bench.out / log / "run"
    if (home / "record.json").exists():
        return _read(home)
    home.mkdir(parents=True, exist_ok=True)
    command = logs.command(log, bench.data, run)
    words = " ".join(command[3:-1]).replace(f"={bench.data}/", "=DATA/")
    shown = words.replace(f"={bench.out}/", "=runs/side_by_side/")
    record = _record(log, OWN, ["ytdnn", shown, f"--workdir=runs/{log}"])
    record |= {"title": OWN, "lacks": "", "code_lines": 0, "seconds": {"all": spent}}
    if not (run / "evaluation").exists():
        record |= _within(bench, command, home)
    if record["status"] != "done":
        return _write(home, record)
    config = run_workdir.require_config(run)
    splits.write(prepared.load(run / "data"), config.evaluation, run.parent / "split")
    found = report_files.read(run / "evaluation")
    made = found.report.made
    record |= {"commit": (made.git_commit or "")[:8], "date": made.time[:10]}
    return _write(home, record | _quality(found, lists.CANDIDATES))


def other(bench: Bench, log: str, system: str, is_tuned: bool = False) -> Record:
    """Runs another system on a log whose run of ytdnn is finished.

    Args:
      bench: Where it runs.
      log: Name of the log.
      system: Name of its file.
      is_tuned: Whether its settings are chosen on validation.
    """
    name = system + TUNED * is_tuned
    home, run = bench.home(log, name), bench.out / log / "run"
    if (home / "record.json").exists():
        return _read(home)
    home.mkdir(parents=True, exist_ok=True)
    words = [f"--logs={log}", f"--systems={system}"]
    record = _record(log, name, ["python", "-m", "experiments.side_by_side", *words])
    about = constants(system)
    record |= {"title": about["title"], "lacks": about["LACKS"]}
    record["code_lines"] = about["code_lines"]
    python = _environment(bench, about["REQUIREMENTS"])
    if not python.exists():
        log_file = python.parents[1].with_suffix(".log")
        last = log_file.read_text().strip().splitlines()[-1]
        return _write(home, record | {"status": f"not installed: {last[:200]}"})
    script, split = HERE / "worker.py", run.parent / "split"
    file = HERE / "systems" / f"{system}.py"
    command = [str(python), *map(str, (script, file, split, home))]
    if is_tuned:
        ours = _read(bench.home(log, OWN))["seconds"]["all"] or math.inf
        command.append(f"--tune={min(ours, 0.7 * bench.limits.core_seconds):.0f}")
    record |= _within(bench, command, home)
    if record["status"] != "done":
        return _write(home, record)
    return _write(home, record | _scored(bench, run, home, record))


def _scored(
    bench: Bench, run: pathlib.Path, home: pathlib.Path, record: Record
) -> Record:
    """Returns the quality of the lists of a cell, and what the worker says of them."""
    spent = json.loads((home / "spent.json").read_text())
    file = home / "lists.parquet"
    rules = run_workdir.require_config(run).evaluation
    found = evaluation(prepared.load(run / "data"), rules, file, home / "evaluation")
    scored = _quality(found, file.stem)
    if bench.ranx:
        answers = pl.read_parquet(run.parent / "split" / "test_answers.parquet")
        theirs = ranx_ndcg(pl.read_parquet(file), answers)
        if abs(theirs - scored["quality"][JUDGE][0]) > 1e-6:
            raise errors.UserError(
                f"expected the nDCG of ranx, {theirs:.6f}, found "
                f"{scored['quality'][JUDGE][0]:.6f} for {file}"
            )
        scored["ranx"] = theirs
    ours = report_files.read(run / "evaluation")
    models = file.stem, lists.CANDIDATES
    for one in compare.compare(
        found, ours, (), configs.EvaluationConfig(), models
    ).differences:
        if one.metric == JUDGE:
            scored["ahead"] = [one.difference, one.low, one.high]
    seconds = {k: spent[f"{k}_seconds"] for k in ("fit", "answer", "tuning")}
    chosen = {name: spent[name] for name in ("settings", "tried")}
    return scored | chosen | {"seconds": record["seconds"] | seconds}


def evaluation(
    data: prepared.PreparedData,
    rules: configs.EvaluationConfig,
    file: pathlib.Path,
    out: pathlib.Path,
) -> report_files.Evaluation:
    """Returns what `ytdnn evaluate --predictions` says of lists, and of nothing else.

    Args:
      data: The prepared set of ytdnn's run.
      rules: Whose answers are right.
      file: The lists.
      out: Directory of the report.
    """
    few: Any = {"baselines": (), "slices": (), "ks": (10,)}
    rules = dataclasses.replace(rules, **few)
    makers = prediction_files.read(file, data).makers
    cases = user_cases.cases(data, events.Split.TEST, rules)
    result = measure_lists.measure(data, cases, makers, {}, events.Split.TEST, rules)
    with report_files.publish(out, result):
        return report_files.Evaluation(out, result.report, result.users)


def ranx_ndcg(made: pl.DataFrame, answers: pl.DataFrame) -> float:
    """Returns the mean nDCG@10 of lists by ranx.

    Args:
      made: `user_id`, `video_id`, `score`.
      answers: `user_id`, `video_id`.
    """
    import ranx

    top = made.group_by("user_id", maintain_order=True).head(10)
    right, listed = (
        {
            str(user): dict(zip(map(str, part["video_id"]), part["score"], strict=True))
            for (user,), part in frame.group_by("user_id")
        }
        for frame in (answers.with_columns(score=1), top)
    )
    qrels, run = ranx.Qrels(right), ranx.Run(listed)
    return float(ranx.evaluate(qrels, run, JUDGE, make_comparable=True))


def _within(bench: Bench, command: list[str], home: pathlib.Path) -> Record:
    """Runs a command within the limits; its output is in `log.txt`."""
    with (home / "log.txt").open("wb") as output:
        cost = measure.limited(command, bench.limits, output, _THREADS)
    return {
        "status": cost.status,
        "seconds": {"all": cost.core_seconds},
        "gibibytes": cost.mebibytes / 1_024,
    }


def _environment(bench: Bench, requirements: str) -> pathlib.Path:
    """Returns the interpreter of an environment, made if missing.

    It does not exist where the packages could not be installed.
    """
    if not requirements:
        return pathlib.Path(sys.executable)
    home = bench.out.absolute() / "environments" / requirements
    python = home / "bin" / "python"
    if not (home / "done").exists():
        venv.create(home, with_pip=True, clear=True)
        file = HERE / "requirements" / f"{requirements}.txt"
        install = [str(python), "-m", "pip", "install", "-q", "-r", str(file)]
        with home.with_suffix(".log").open("wb") as output:
            done = subprocess.run(install, stdout=output, stderr=output, check=False)
        (home / "done").touch()
        if done.returncode:
            python.unlink()
    return python


def _quality(found: report_files.Evaluation, model: str) -> Record:
    entry = found.report.lists[model]
    quality = {m: [entry.values[m], *entry.intervals[m]] for m in (JUDGE, _HITS)}
    return {"quality": quality, "users": found.report.protocol.users}


def _record(log: str, name: str, command: list[str]) -> Record:
    head = ["git", "rev-parse", "--short=8", "HEAD"]
    made = subprocess.run(head, capture_output=True, text=True, cwd=HERE, check=False)
    return {
        "log": log,
        "system": name,
        "status": "done",
        "command": " ".join(command),
        "commit": made.stdout.strip(),
        "date": f"{datetime.datetime.now(datetime.UTC).date()}",
        "machine": f"{os.cpu_count()} cores, other work beside it",
    }


def _read(home: pathlib.Path) -> Record:
    record: Record = json.loads((home / "record.json").read_text())
    return record


def _write(home: pathlib.Path, record: Record) -> Record:
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (home / "record.json").write_text(text)
    return record
