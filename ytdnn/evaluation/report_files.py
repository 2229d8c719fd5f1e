"""The artefact of an evaluation: the report and, behind it, the values of each user.

Published whole (`ytdnn/artifacts.py`), with what it was made from in the manifest.
"""

import contextlib
import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from ytdnn import artifacts, configs, errors
from ytdnn.data import prepared
from ytdnn.evaluation import (
    lists,
    measure,
    oracle,
    protocol,
    ranker,
    run_table,
    summary,
)

KIND = "evaluation"
USERS = "users.parquet"
PAGE = "report.html"
_OWN = {artifacts.MANIFEST, artifacts.LOGS, run_table.REPORT, USERS, PAGE}


@contextlib.contextmanager
def publish(directory: pathlib.Path, result: measure.Result) -> Iterator[pathlib.Path]:
    """Writes an evaluation as an artefact, whole or not at all.

    Yields the directory that takes its place, so that the caller adds the files for
    people, `PAGE` and `artifacts.LOGS`.

    Args:
      directory: Where it will stand, in place of an earlier one.
      result: What was measured.

    Raises:
      errors.UserError: The directory holds something else.
    """
    require_own(directory)
    report = result.report
    facts = {"split": report["protocol"]["split"], "lists": list(report["lists"])}
    settings = report["config"]["evaluation"]
    with artifacts.publish(directory, KIND, settings, result.inputs, facts) as partial:
        result.users.write_parquet(partial / USERS)
        artifacts.write_json(partial / run_table.REPORT, report)
        yield partial


def require_own(directory: pathlib.Path) -> None:
    """Checks that nothing but an earlier evaluation would be replaced.

    Raises:
      errors.UserError: The directory holds something else.
    """
    there = directory.iterdir() if directory.is_dir() else iter(())
    others = sorted(path.name for path in there if path.name not in _OWN)
    if others or directory.is_file():
        raise errors.UserError(
            f"expected a new directory, or that of an earlier evaluation, found "
            f"{others[0] if others else 'a file'} in {directory}: give another"
        )


def of_others(
    data: prepared.PreparedData,
    cases: protocol.Cases,
    makers: Mapping[str, lists.Maker],
    split: str,
    config: configs.Evaluation,
) -> measure.Result:
    """Measures list makers that no run made, beside popularity.

    Args:
      data: The prepared set.
      cases: Of the split.
      makers: By name.
      split: `test` or `validation`.
      config: Lengths, slices, resamples.
    """
    both = {lists.POPULARITY: lists.popularity(data, config), **makers}
    both |= dict(oracle.systems(data, config).makers)
    scorers: dict[str, ranker.Scorer] = {}
    code = prepared.Split[split.upper()]
    result = measure.measure(data, cases, both, scorers, code, config)
    settings = {
        "data": configs.to_dict(data.config),
        "evaluation": configs.to_dict(config),
    }
    result.report["config"] = summary.plain(settings)
    return result


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A report read back.

    Attributes:
      path: Its directory.
      report: Its content.
      users: The values behind it.
    """

    path: pathlib.Path
    report: dict[str, Any]
    users: pl.DataFrame

    @property
    def models(self) -> list[str]:
        """Names of all models, of lists and of impressions."""
        both = {**self.report["lists"], **self.report.get("impressions", {})}
        return list(both)

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, `MODEL/METRIC[@k]`."""
        return [
            f"{model}/{metric}"
            for kind in ("lists", "impressions")
            for model, entry in self.report.get(kind, {}).items()
            for metric in entry["values"]
        ]

    def value(self, model: str, metric: str) -> float:
        """Returns a number of the report, NaN where it has none."""
        for kind in ("lists", "impressions"):
            values = self.report.get(kind, {}).get(model, {}).get("values", {})
            if values.get(metric) is not None:
                return float(values[metric])
        return math.nan

    def table(self) -> pl.DataFrame:
        """Returns every number as a row: `model`, `metric` (with its k), `value`."""
        split = [name.split("/", 1) for name in self.metrics]
        return pl.DataFrame(
            {
                "model": [model for model, _ in split],
                "metric": [metric for _, metric in split],
                "value": [self.value(model, metric) for model, metric in split],
            }
        )


def read(path: pathlib.Path) -> Evaluated:
    """Reads an evaluation.

    Args:
      path: The directory of a run (its evaluation of the test split is read) or of an
        evaluation, or the report.json in that.

    Raises:
      errors.UserError: There is none, it is damaged, or of another format version.
    """
    directory = _directory(pathlib.Path(path))
    try:
        artifacts.read_manifest(directory, KIND)
        report = json.loads((directory / run_table.REPORT).read_text())
        frame = pl.read_parquet(directory / USERS)
    except errors.UserError as error:
        raise errors.UserError(f"{error} (`ytdnn evaluate`)") from None
    version = report["format_version"]
    if version != measure.FORMAT_VERSION:
        raise errors.UserError(
            f"{directory} has format version {version} but this ytdnn reads version "
            f"{measure.FORMAT_VERSION}: run `ytdnn evaluate` again"
        )
    return Evaluated(directory, report, frame)


def _directory(path: pathlib.Path) -> pathlib.Path:
    """Returns the directory of the evaluation that a path stands for."""
    if path.is_dir():
        of_run = path / run_table.DIRECTORIES["test"]
        return of_run if of_run.is_dir() or (path / run_table.CONFIG).exists() else path
    if path.name != run_table.REPORT:
        raise errors.UserError(
            f"expected a run, the directory of an evaluation, or the "
            f"{run_table.REPORT} in it, received {path}: run `ytdnn evaluate` first"
        )
    return path.parent
