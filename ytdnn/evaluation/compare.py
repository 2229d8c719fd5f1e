"""Two reports side by side: paired differences over their common users.

Both must have been measured by the same rules, with the same number of right answers
for each common user; otherwise a difference is meaningless and the comparison is
refused. Intervals are intervals of the difference: each resample draws the same users
for both, so that the difficulty of a user cancels.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import configs, errors, schema
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    evaluated_parts,
    gates,
    lists,
    report_files,
    report_protocol,
    report_types,
)
from ytdnn.log import prepared, prepared_log

Evaluation = report_files.Evaluation

BETTER, WORSE, NO_DIFFERENCE = "better", "worse", "no difference"
_HEADLINE_K = 10
_REQUEST_RULES = ("delay_seconds", "repeats", "requests", "watches")


@dataclasses.dataclass(frozen=True)
class Difference:
    """One metric in both reports.

    Attributes:
      model: Name of the model.
      metric: Name of the metric.
      first: Value in the first report.
      second: Value in the second report.
      difference: Second minus first over the common users; for a metric that is no mean
        or ratio over users, the difference of the two numbers.
      low: Lower end of the interval of `difference`; NaN without an interval.
      high: Upper end of that interval.
    """

    model: str
    metric: str
    first: float
    second: float
    difference: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Headline:
    """The verdict of a comparison, by the one metric that judges it.

    Attributes:
      verdict: `better` or `worse`, about the second report, if the interval of the
        difference excludes 0; else `no difference`.
      of: The judging metric of both reports.
    """

    verdict: str
    of: Difference


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
      headline: The verdict; None if the reports have no judging metric in common.
      differences: Differences by model and metric, in the order of the reports.
      num_users: Number of common users with right answers.
      num_other: Number of users that are in only one report.
      failures: A line for each condition that holds.
      marks: Caveats of one report's numbers, in words.
      by_requests: The verdict by the protocol `requests`; None without it.
      num_requests: Number of requests in both; 0 without.
      requests_left_out: Reason why the two cannot be compared by requests; empty if
        they are, or neither has any.
    """

    headline: Headline | None
    differences: list[Difference]
    num_users: int
    num_other: int
    failures: list[str]
    marks: list[str]
    by_requests: Headline | None = None
    num_requests: int = 0
    requests_left_out: str = ""


def compare(
    first: Evaluation,
    second: Evaluation,
    fail_if: Sequence[gates.Condition],
    config: configs.EvaluationConfig,
    models: tuple[str, str] | None = None,
    part: str = "",
) -> Comparison:
    """Compares two reports.

    Args:
      first: The baseline.
      second: The evaluation to judge.
      fail_if: Conditions on the second report.
      config: Settings of resamples and their seed.
      models: A model of the first and one of the second to compare; None: models of
        the same name.
      part: Part of the users that both were cut to (see `cut_to_users`); empty: all. A
        part has numbers of its own, and no metrics of all lists.

    Raises:
      errors.UserError: The two were measured by different rules, have nothing in
        common, or a condition names a metric that neither has.
    """
    _require_same_rules(first, second)
    left_out = _requests_left_out(first.report, second.report)
    for one in fail_if:
        if left_out and one.factor and one.metric.startswith(metric_names.REQUESTS):
            raise errors.UserError(
                f"expected the same requests in {first.path} and {second.path} for "
                f"--fail_if={one.text!r}, found {left_out}: evaluate both alike"
            )
    pair = first.users.select(schema.USER_ID, report_files.ANSWERS).join(
        second.users.select(schema.USER_ID, report_files.ANSWERS), on=schema.USER_ID
    )
    if not pair.height:
        raise errors.UserError(
            f"expected common users in {first.path} and {second.path}, found none"
        )
    _require_same_answers(first, second, pair)
    metrics = list(_common(first, second, models))
    if not metrics:
        raise errors.UserError(
            f"expected a model in both {first.path} ({', '.join(first.models)}) and "
            f"{second.path} ({', '.join(second.models)}), found none: name one of "
            f"each with --models=FIRST,SECOND"
        )
    differences = _differences((first, second), pair, metrics, config, bool(part))
    if part:
        differences = [one for one in differences if not math.isnan(one.low)]
    num_other = first.users.height + second.users.height - 2 * pair.height
    failures = [gates.failure(one, first, second, models) for one in fail_if]
    marks = [
        f"{place} {mark}"
        for place, one in (("first", first), ("second", second))
        for mark in report_protocol.marks(one.report.protocol)
    ]
    asked = [row for row in differences if row.model.startswith(metric_names.REQUESTS)]
    return Comparison(
        headline=headline([row for row in differences if row not in asked]),
        by_requests=headline(asked),
        num_requests=_num_requests(first.users, pair) if asked else 0,
        requests_left_out=left_out,
        differences=differences,
        num_users=pair.drop_nulls().height,
        num_other=num_other,
        failures=[f for f in failures if f],
        marks=marks,
    )


def _num_requests(users: pl.DataFrame, pair: pl.DataFrame) -> int:
    """Returns the number of requests of the common users."""
    own = users.join(pair, schema.USER_ID, "semi")
    own = own.select(f"^{metric_names.REQUESTS}.*/{metric_names.DENOMINATOR}$")
    return int(own.to_series().sum()) if own.width else 0


def cut_to_users(
    first: Evaluation, second: Evaluation, named: str
) -> tuple[Evaluation, Evaluation]:
    """Returns two evaluations cut to a part of their users.

    Args:
      first: The first evaluation.
      second: The second evaluation.
      named: A file of ids; or a condition over columns of `users`, if one evaluation is
        in a run's workdir with a prepared set.

    Raises:
      errors.UserError: `named` is neither, or names no common user.
    """
    homes = [evaluation.path.parent / prepared.KIND for evaluation in (first, second)]
    tables = [home / prepared_log.USERS_FILE for home in homes]
    table = next((pl.read_parquet(path) for path in tables if path.exists()), None)
    frame = first.users.select(schema.USER_ID) if table is None else table
    kept = frame.filter(
        pl.Series(evaluated_parts.selected(frame, schema.USER_ID, named, "users"))
    ).select(schema.USER_ID)
    one, two = (e.users.join(kept, schema.USER_ID, "semi") for e in (first, second))
    if not one.height or not two.height:
        raise errors.UserError(
            f"expected --users to name evaluated users, received {named!r}, which "
            f"selects none"
        )
    return dataclasses.replace(first, users=one), dataclasses.replace(second, users=two)


def headline(differences: Sequence[Difference]) -> Headline | None:
    """Returns the verdict of a comparison.

    The verdict is about the last model of lists that is neither popularity nor a bound
    (for a run, the whole system), by the first available metric of `JUDGING` at length
    10, else the shortest length; without lists it is about the ranker.
    """
    own = [row for row in differences if row.model not in lists.REFERENCES]
    for stem in metric_names.JUDGING:
        matching = [row for row in own if metric_names.stem(row.metric) == stem]
        if matching:
            of_last = [row for row in matching if row.model == matching[-1].model]
            first = metric_names.at(stem, _HEADLINE_K)
            ten = [row for row in of_last if row.metric == first]
            return Headline(_verdict((ten or of_last)[0]), (ten or of_last)[0])
    return None


def _verdict(row: Difference) -> str:
    if not (row.low > 0.0 or row.high < 0.0):
        return NO_DIFFERENCE
    less = metric_names.less_is_better(row.metric)
    return BETTER if (row.low > 0.0) != less else WORSE


def _require_same_rules(first: Evaluation, second: Evaluation) -> None:
    rules = first.report.protocol, second.report.protocol
    different = _different(*rules, report_protocol.RULES)
    if different:
        raise errors.UserError(
            f"expected two reports with the same protocol, found "
            f"{different} in {first.path} and {second.path}: evaluate both "
            f"with the same settings"
        )


def _require_same_answers(
    first: Evaluation, second: Evaluation, pair: pl.DataFrame
) -> None:
    other = pair.filter(
        pl.col(report_files.ANSWERS) != pl.col(f"{report_files.ANSWERS}_right")
    )
    if other.height:
        raise errors.UserError(
            f"expected the same answers in {first.path} and {second.path}, found "
            f"{other.height:,} users with more answers in one of them, the first "
            f"{other[schema.USER_ID][0]}: evaluate both on the same prepared set"
        )


@dataclasses.dataclass(frozen=True)
class _Metric:
    """A metric that both reports have, with its model in each."""

    models: tuple[str, str]
    metric: str

    @property
    def model(self) -> str:
        """Name of the model in the comparison."""
        return self.models[0] if len(set(self.models)) == 1 else " → ".join(self.models)


def _common(
    first: Evaluation, second: Evaluation, models: tuple[str, str] | None
) -> Iterator[_Metric]:
    whole, other = first.report, second.report
    if whole.requests is not None and not _requests_left_out(whole, other):
        pairs = [models] if models else [(name, name) for name in whole.requests.ahead]
        asked = metric_names.REQUESTS
        named = [(asked + one, asked + two) for one, two in pairs]
        yield from _shared(whole.by_requests, other.by_requests, named)
    for entries, others in zip(whole.kinds, other.kinds, strict=True):
        pairs = [models] if models else [(name, name) for name in entries]
        yield from _shared(entries, others, pairs)


def _shared(
    entries: Mapping[str, report_types.Entry],
    others: Mapping[str, report_types.Entry],
    pairs: Sequence[tuple[str, str]],
) -> Iterator[_Metric]:
    """Yields the metrics that both models of a pair have."""
    for pair in pairs:
        if pair[0] in entries and pair[1] in others:
            values, other = entries[pair[0]].values, others[pair[1]].values
            for metric in values:
                if values[metric] is not None and other.get(metric) is not None:
                    yield _Metric(pair, metric)


def _requests_left_out(first: report_types.Report, second: report_types.Report) -> str:
    """Returns why two reports cannot be compared by requests; empty otherwise."""
    one, two = first.requests, second.requests
    if one is None or two is None:
        return "" if one is two else "only one of the reports has them"
    return _different(one, two, _REQUEST_RULES)


def _different(one: Any, two: Any, names: Sequence[str]) -> str:
    """Returns the fields in which two parts of a report differ, with both values."""
    both = {name: (getattr(one, name), getattr(two, name)) for name in names}
    return "; ".join(f"{n} {a!r} and {b!r}" for n, (a, b) in both.items() if a != b)


def _differences(
    both: tuple[Evaluation, Evaluation],
    pair: pl.DataFrame,
    metrics: Sequence[_Metric],
    config: configs.EvaluationConfig,
    is_part: bool = False,
) -> list[Difference]:
    """Returns the metrics of both, those over users with their intervals."""
    ids = pair.select(schema.USER_ID)
    sums, draws = [], []
    for side, one in enumerate(both):
        frame = ids.join(one.users, schema.USER_ID, "left", maintain_order="left")
        parts = [_parts(frame, f"{m.models[side]}/{m.metric}") for m in metrics]
        above, below = (np.stack([p[i] for p in parts], axis=1) for i in (0, 1))
        draws.append(
            bootstrap.ratio_draws(above, below, config.num_resamples, config.seed)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            sums.append(above.sum(axis=0) / below.sum(axis=0))
    low, high = bootstrap.percentiles(draws[1] - draws[0])
    differences = []
    for place, metric in enumerate(metrics):
        before, after = (
            float(sums[side][place])
            if is_part
            else report.number(metric.models[side], metric.metric)
            for side, report in enumerate(both)
        )
        paired = float(sums[1][place] - sums[0][place])
        difference = after - before if math.isnan(paired) else paired
        bounds = float(low[place]), float(high[place])
        differences.append(
            Difference(metric.model, metric.metric, before, after, difference, *bounds)
        )
    return differences


def _parts(frame: pl.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns a metric's numerator and denominator for each user, 0 / 0 without."""
    if column in frame.columns:
        values = frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return bootstrap.mean_parts(values)
    if f"{column}/{metric_names.NUMERATOR}" in frame.columns:
        above, below = (
            frame[f"{column}/{side}"].fill_null(0.0).to_numpy()
            for side in (metric_names.NUMERATOR, metric_names.DENOMINATOR)
        )
        return above, below
    return np.zeros(frame.height), np.zeros(frame.height)
