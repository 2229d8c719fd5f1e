"""The artefact of an evaluation: the report, and the metrics of each user.

Published as a whole (`ytdnn/base/artifacts.py`), with its inputs in the manifest.
"""

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pydantic

from ytdnn.base import artifacts, errors, registries, user_paths
from ytdnn.evaluation import report_types

if TYPE_CHECKING:
    import polars as pl

KIND = "evaluation"
# Where the evaluation of a run lies in it, by the evaluated split.
DIRECTORIES = {"test": "evaluation", "validation": "evaluation_validation"}
REPORT = "report.json"
USERS = "users.parquet"
ANSWERS = "answers"  # column of the values of users: number of right answers
PAGE = "report.html"
SETTINGS = ("composition", "evaluation")  # of a run, that its evaluation depends on
_RUN_CONFIG = "config.json"
_OWN = {artifacts.MANIFEST, artifacts.LOGS, REPORT, USERS, PAGE}


@dataclasses.dataclass(frozen=True)
class Result:
    """A report with the values of each user, so that two reports can be paired.

    Attributes:
      report: The numbers.
      users: One row for each user with a case, an impression or a request. Lists: a
        column `MODEL/METRIC@k` for each mean over users, and `answers`, the number of
        right answers. Impressions: `MODEL/METRIC/numerator` and
        `MODEL/METRIC/denominator`; the metric is the ratio of their sums. Requests:
        likewise, `requests/MODEL/…`. Null where a user has no value.
      inputs: Fingerprints of the artefacts that were measured.
    """

    report: report_types.Report
    users: "pl.DataFrame"
    inputs: dict[str, str]


@contextlib.contextmanager
def publish(directory: pathlib.Path, result: Result) -> Iterator[pathlib.Path]:
    """Publishes an evaluation atomically.

    Yields the temporary directory, so that the caller can add files for people.

    Args:
      directory: Directory of the artefact; an earlier one is replaced.
      result: The measurements.

    Raises:
      errors.UserError: The directory holds something else.
    """
    require_own(directory)
    report = result.report
    facts = {"split": report.protocol.split, "lists": list(report.lists)}
    settings = {k: report.config[k] for k in SETTINGS if k in report.config}
    with artifacts.publish(directory, KIND, settings, result.inputs, facts) as partial:
        result.users.write_parquet(partial / USERS)
        artifacts.write_text(partial / REPORT, report_types.to_json(report))
        yield partial


def write(directory: pathlib.Path, result: Result) -> None:
    """Publishes an evaluation, with its page where the laboratory is installed.

    Args:
      directory: Directory of the evaluation; an earlier one is replaced.
      result: The evaluation.

    Raises:
      errors.UserError: The directory holds something else.
    """
    with publish(directory, result) as partial:
        page = registries.HOOKS.get("page")
        if page is not None:
            page.make(result.report, partial)


def require_own(directory: pathlib.Path) -> None:
    """Checks that a directory is new, empty, or an earlier evaluation.

    Raises:
      errors.UserError: The directory holds something else.
    """
    there = directory.iterdir() if directory.is_dir() else iter(())
    others = sorted(path.name for path in there if path.name not in _OWN)
    if others or directory.is_file():
        raise errors.UserError(
            f"expected a new directory, or that of an earlier evaluation, found "
            f"{others[0] if others else 'a file'} in {directory}: give another "
            f"directory"
        )


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation that was read from disk.

    Attributes:
      path: Directory of the evaluation.
      report: The report.
      users: Values of each user, see `Result`.
    """

    path: pathlib.Path
    report: report_types.Report
    users: "pl.DataFrame"

    @property
    def models(self) -> list[str]:
        """Names of all models, of lists and of impressions."""
        return list({**self.report.lists, **self.report.impressions})

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, `MODEL/METRIC[@k]`, by requests `requests/MODEL/…`."""
        parts = (*self.report.kinds, self.report.by_requests)
        entries = [pair for part in parts for pair in part.items()]
        return [f"{model}/{metric}" for model, e in entries for metric in e.values]

    def value(self, model: str, metric: str) -> float:
        """Returns a number of the report; NaN where it could not be measured.

        Args:
          model: Name of the model, such as `candidates`.
          metric: Metric of the model, such as `recall@10`.

        Raises:
          errors.UserError: The report has no such model, or the model no such metric.
        """
        values = [e[model].values for e in self.report.kinds if model in e]
        if not any(metric in of_kind for of_kind in values):
            raise self._unknown(model, metric, [n for names in values for n in names])
        return self.number(model, metric)

    def number(self, model: str, metric: str) -> float:
        """Returns a number of the report; NaN where the report has none."""
        for entries in (*self.report.kinds, self.report.by_requests):
            value = entries[model].values.get(metric) if model in entries else None
            if value is not None:
                return value
        return math.nan

    def _unknown(self, model: str, metric: str, known: list[str]) -> errors.UserError:
        models = list(dict.fromkeys(m for kind in self.report.kinds for m in kind))
        if not known:
            what, name, known = "model", model, models
        else:
            what, name = f"metric of {model}", metric
        hint = errors.hint(name, known)
        return errors.UserError(
            f"expected a {what} of the report ({', '.join(known)}), received "
            f"{name!r}{hint}"
        )

    def table(self) -> "pl.DataFrame":
        """Returns every number as a row: `model`, `metric` (with its k), `value`."""
        import polars as pl

        split = [name.rsplit("/", 1) for name in self.metrics]
        rows = [(model, metric, self.number(model, metric)) for model, metric in split]
        return pl.DataFrame(rows, ["model", "metric", "value"], orient="row")


def read(path: pathlib.Path) -> Evaluation:
    """Reads an evaluation.

    Args:
      path: The directory of a run (its evaluation of the test split is read) or of an
        evaluation, or the report.json in that.

    Raises:
      errors.UserError: There is no evaluation, or it is damaged or of another format
        version.
    """
    directory = _directory(user_paths.expanded(path))
    report = read_report(directory)
    import polars as pl  # loaded when first needed

    return Evaluation(directory, report, pl.read_parquet(directory / USERS))


def read_report(directory: pathlib.Path) -> report_types.Report:
    """Reads the report of an evaluation, without the values of users.

    Raises:
      errors.UserError: There is no evaluation, or it is damaged or of another format
        version.
    """
    artifacts.read_manifest(directory, KIND)
    text = (directory / REPORT).read_text(encoding="utf-8")
    try:
        return report_types.from_json(text)
    except pydantic.ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "no JSON"
        raise errors.UserError(
            f"expected a report of format version {report_types.FORMAT_VERSION} in "
            f"{directory}, received another ({place}): run `ytdnn evaluate` again"
        ) from None


def _directory(path: pathlib.Path) -> pathlib.Path:
    """Returns the directory of the evaluation that a path names."""
    if path.is_dir():
        of_run = path / DIRECTORIES["test"]
        return of_run if of_run.is_dir() or (path / _RUN_CONFIG).exists() else path
    if path.name != REPORT:
        raise errors.UserError(
            f"expected a run, the directory of an evaluation, or the "
            f"{REPORT} in it, received {path}: run `ytdnn evaluate` first"
        )
    return path.parent
