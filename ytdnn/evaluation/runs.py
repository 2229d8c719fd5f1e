"""The runs of a directory beside each other: what they differ in and what they reached.

Reads `config.json` and `evaluation.json` of each run and nothing else, so it starts at
once and shows runs that are not finished, or not evaluated, too.
"""

import dataclasses
import difflib
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ytdnn import configs, errors
from ytdnn.evaluation.report import names, scales

CONFIG = "config.json"
# What the files of an evaluation are called, by the evaluated split.
STEMS = {"test": "evaluation", "validation": "evaluation_validation"}
RUN = "run"
# Shown without being asked for, where any run has them.
METRICS = (
    "candidates/hit_rate@10",
    "candidates/ndcg@10",
    "system/hit_rate@10",
    "ranker/auc",
    "ranker/weighted_per_user_loss",
)
# Where the log lies makes no difference to what a run is.
_NO_DIFFERENCE = ("data.dir",)


@dataclasses.dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
      name: Its path below the directory.
      settings: Every setting by its path.
      metrics: Every number by `MODEL/METRIC`.
      note: Why there are no numbers; empty if there are.
    """

    name: str
    settings: dict[str, Any]
    metrics: dict[str, float]
    note: str


def find(directory: pathlib.Path, file_name: str) -> list[Run]:
    """Returns the runs below a directory, by name.

    Args:
      directory: Searched at any depth; a run is not searched for others.
      file_name: Of the evaluation inside a run.

    Raises:
      errors.UserError: There is no such directory, or no run in it.
    """
    if not directory.is_dir():
        raise errors.UserError(f"expected a directory of runs, found none: {directory}")
    found = [
        _read(path, path.relative_to(directory).as_posix(), file_name)
        for path in _directories(directory)
    ]
    if not found:
        raise errors.UserError(
            f"expected runs (directories with {CONFIG}) in {directory}, found none: "
            f"make one with `ytdnn run --workdir={directory}/NAME`"
        )
    return sorted(found, key=lambda run: run.name)


def _directories(directory: pathlib.Path) -> Iterator[pathlib.Path]:
    for parent, children, files in os.walk(directory):
        if CONFIG in files:
            children.clear()
            yield pathlib.Path(parent)
        children[:] = [child for child in children if not child.startswith(".")]


def _read(directory: pathlib.Path, name: str, file_name: str) -> Run:
    made = _json(directory / CONFIG).get("config")
    report = _json(directory / file_name)
    note = ""
    if not isinstance(report.get("lists"), dict):
        there = (directory / file_name).exists()
        note = "evaluated by another version" if there else "not evaluated"
    # The report's own config is the one its numbers were made with.
    config = report.get("config") or made
    if not isinstance(config, dict):
        config, note = {}, f"damaged {CONFIG}"
    return Run(name, configs.flat(config), {} if note else dict(_metrics(report)), note)


def _json(path: pathlib.Path) -> dict[str, Any]:
    """Returns the object in a file, empty where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _metrics(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for kind in ("lists", "impressions"):
        for model, found in report.get(kind, {}).items():
            for metric, value in found["values"].items():
                if scales.is_finite(value):
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
    for key, found in values.items():
        having = [settings for settings in known if key in settings]
        if len(having) < len(known):
            found.add(text(configs.defaults(having[0]).get(key)))
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
    """Returns the metrics to show: the wanted ones, else those of `METRICS` measured.

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
    return list(wanted) or [metric for metric in METRICS if metric in known]


def ordered(runs: Sequence[Run], by: str) -> list[Run]:
    """Returns runs, the best by a metric first and those without it last.

    Args:
      runs: In any order.
      by: `MODEL/METRIC`, or `run` for the order of names.
    """
    if by == RUN:
        return sorted(runs, key=lambda run: run.name)
    stem = by.rpartition("/")[2].partition("@")[0]
    sign = 1.0 if stem in names.LESS_IS_BETTER else -1.0

    def key(run: Run) -> tuple[bool, float, str]:
        return by not in run.metrics, sign * run.metrics.get(by, 0.0), run.name

    return sorted(runs, key=key)
