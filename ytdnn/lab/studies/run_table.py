"""A table of the runs of a directory: their different settings and their metrics.

Reads only `config.json` and the report of each run, so it starts at once and shows runs
that are not finished, or not evaluated, too.
"""

import dataclasses
import difflib
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ytdnn.base import configs, errors
from ytdnn.base.configs import setting_types
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_files, report_types

CONFIG = "config.json"
RUN = "run"
# Shown without being asked for, where any run has them; beside them the value of pages.
_OF_CANDIDATES = ("candidates/hit_rate@10", "candidates/ndcg@10")
_OF_RANKER = ("ranker/auc", "ranker/weighted_per_user_loss")
_K = 10
# Where the log lies, and how settings were chosen, make no difference to what a run is.
_NO_DIFFERENCE = ("data.dir", "candidates.auto", "ranking.auto")


@dataclasses.dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
      name: Its path below the directory.
      settings: Every setting by its path.
      metrics: Every number by `MODEL/METRIC`.
      note: The reason why there are no numbers; empty if there are.
    """

    name: str
    settings: dict[str, Any]
    metrics: dict[str, float]
    note: str


def find(directory: pathlib.Path, split: str) -> list[Run]:
    """Returns the runs below a directory, by name.

    Args:
      directory: Directory, searched at any depth; a run is not searched for others.
      split: Split of the evaluation, `test` or `validation`.

    Raises:
      errors.UserError: There is no such directory, or no run in it.
    """
    if not directory.is_dir():
        raise errors.UserError(f"expected a directory of runs, found none: {directory}")
    runs = [
        _read(path, path.relative_to(directory).as_posix(), split)
        for path in _directories(directory)
    ]
    if not runs:
        raise errors.UserError(
            f"expected runs (directories with {CONFIG}) in {directory}, found none: "
            f"make one with `ytdnn run --workdir={directory}/NAME`"
        )
    return sorted(runs, key=lambda run: run.name)


def _directories(directory: pathlib.Path) -> Iterator[pathlib.Path]:
    for parent, children, files in os.walk(directory):
        if CONFIG in files:
            children.clear()
            yield pathlib.Path(parent)
        children[:] = [child for child in children if not child.startswith(".")]


def _read(directory: pathlib.Path, name: str, split: str) -> Run:
    settings, metrics, note = _config(directory), {}, ""
    evaluation = directory / report_files.DIRECTORIES[split]
    try:
        report = report_files.read_report(evaluation)
    except errors.UserError:
        there = evaluation.exists()
        note = "evaluated by another version" if there else "not evaluated"
    else:
        # The report's own config is the one its numbers were made with.
        settings, metrics = report.config, dict(_metrics(report))
    if settings is None:
        settings, metrics, note = {}, {}, f"damaged {CONFIG}"
    settings = setting_types.changeable(settings)
    return Run(name, configs.flat(settings), metrics, note)


def _config(directory: pathlib.Path) -> dict[str, Any] | None:
    """Returns the config of a run, None where its file is damaged."""
    try:
        value = json.loads((directory / CONFIG).read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, dict) else None


def _metrics(report: report_types.Report) -> Iterator[tuple[str, float]]:
    for entries in report.kinds:
        for model, entry in entries.items():
            for metric, value in entry.values.items():
                if value is not None:
                    yield f"{model}/{metric}", value


def differing(runs: Sequence[Run]) -> list[str]:
    """Returns the settings that do not have one value in all runs.

    A run that chose another kind of loss, say, lacks the settings of this one; they
    differ only where another run does not leave them at their default.
    """
    known = [run.settings for run in runs if run.settings]
    values: dict[str, set[str]] = {}
    for settings in known:
        for key in settings:
            values.setdefault(key, set()).add(text(settings[key]))
    for key, texts in values.items():
        having = [settings for settings in known if key in settings]
        if len(having) < len(known):
            texts.add(text(configs.defaults(having[0]).get(key)))
    return [k for k, v in values.items() if k not in _NO_DIFFERENCE and len(v) > 1]


def differences(run: Run, keys: Iterable[str]) -> dict[str, str]:
    """Returns the settings among `keys` that a run does not leave at their default."""
    defaults = configs.defaults(run.settings)
    return {
        key: text(run.settings[key])
        for key in keys
        if key in run.settings
        and text(run.settings[key]) != text(defaults.get(key, ""))
    }


def text(value: Any) -> str:
    """Returns a setting's value as the command line takes it."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def chosen(runs: Sequence[Run], wanted: Sequence[str] = ()) -> list[str]:
    """Returns the metrics to show: the wanted ones, else the usual ones measured.

    Raises:
      errors.UserError: No run has a wanted metric.
    """
    known = {metric: None for run in runs for metric in run.metrics}
    for metric in wanted:
        if metric not in known:
            close = difflib.get_close_matches(metric, list(known), n=3)
            hint = f": did you mean {' or '.join(close)}?" if close else ""
            raise errors.UserError(
                f"no run has the metric {metric!r} (MODEL/METRIC@K){hint}"
            )
    of_pages = metric_names.judging_pages(known, _K)
    usual = (*_OF_CANDIDATES, *of_pages, *_OF_RANKER)
    return list(wanted) or [metric for metric in usual if metric in known]


def ordered(runs: Sequence[Run], by: str) -> list[Run]:
    """Returns runs, the best by a metric first and those without it last.

    Args:
      runs: In any order.
      by: `MODEL/METRIC`, or `run` for the order of names.
    """
    if by == RUN:
        return sorted(runs, key=lambda run: run.name)
    sign = 1.0 if metric_names.less_is_better(by.rpartition("/")[2]) else -1.0

    def key(run: Run) -> tuple[bool, float, str]:
        return by not in run.metrics, sign * run.metrics.get(by, 0.0), run.name

    return sorted(runs, key=key)
