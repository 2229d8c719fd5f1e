"""Reports written, and read back with the values of each user behind them."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping
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
    runs,
    summary,
    users,
)
from ytdnn.evaluation.report import files

STEMS = runs.STEMS
_FILE = "evaluation.json"


def write(directory: pathlib.Path, stem: str, result: measure.Result) -> None:
    """Writes `STEM_users.parquet`, the files for people, then `STEM.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    users.write(directory / f"{stem}_users.parquet", result.users)
    files.write(result.report, directory, stem)
    artifacts.write_json(directory / f"{stem}.json", result.report)


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
      path: Its JSON file.
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
    """Reads a report: its JSON file, or the directory of a run.

    Raises:
      errors.UserError: There is none, or of another format version.
    """
    path = pathlib.Path(path)
    path = path / _FILE if path.is_dir() else path
    table = path.with_name(f"{path.stem}_users.parquet")
    for file in (path, table):
        if not file.is_file():
            raise errors.UserError(
                f"expected a report in {path}, found no {file.name}: run `ytdnn "
                f"evaluate` first"
            )
    try:
        report = json.loads(path.read_text())
        version = report["format_version"]
        frame = pl.read_parquet(table)
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        raise errors.UserError(
            f"expected a report in {path}, found a damaged file: run `ytdnn evaluate` "
            f"again"
        ) from None
    if version != measure.FORMAT_VERSION:
        raise errors.UserError(
            f"{path} has format version {version} but this ytdnn reads version "
            f"{measure.FORMAT_VERSION}: run `ytdnn evaluate` again"
        )
    return Evaluated(path, report, frame)
