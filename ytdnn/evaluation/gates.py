"""The conditions of `ytdnn compare --fail_if`, for gates of continuous integration.

    recall@10 < 0.95 * baseline
    system/ndcg@10 < baseline - 0.002
    ranker/auc < 0.7
    requests/hit_rate@10 < baseline
    requests/candidates/ndcg@10 < 0.2

A condition compares a metric of the second report with a number or with the same metric
of the first, the baseline. Several are separated by commas; any that holds fails.
"""

import dataclasses
import math
import operator
import re
from collections.abc import Callable

from ytdnn.base import errors
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import impression_metrics, lists, report_files, shown_scorers

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+"
_CONDITION = re.compile(
    rf"\s*(?P<metric>[^<>=]+?)\s*(?P<comparison><=|>=|<|>)\s*"
    rf"(?:(?P<number>-?(?:{_NUMBER}))"
    rf"|(?:(?P<factor>{_NUMBER})\s*\*\s*)?baseline"
    rf"(?:\s*(?P<sign>[+-])\s*(?P<offset>{_NUMBER}))?)\s*"
)


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
      text: Text as given.
      metric: `[requests/][MODEL/]METRIC[@k]`.
      comparison: `<`, `<=`, `>` or `>=`.
      factor: Factor of the baseline's value; 0: the baseline is not used.
      offset: Constant added to it.
    """

    text: str
    metric: str
    comparison: str
    factor: float
    offset: float

    def bound(self, baseline: float) -> float:
        """Returns the bound that the metric is compared with."""
        return self.offset + (self.factor * baseline if self.factor else 0.0)

    def holds(self, value: float, baseline: float) -> bool:
        """Whether the condition holds, so that the comparison fails."""
        return _COMPARISONS[self.comparison](value, self.bound(baseline))


def parse(text: str) -> list[Condition]:
    """Returns the conditions of a flag's text.

    Raises:
      errors.UserError: A condition is malformed.
    """
    return [_parse(part.strip()) for part in text.strip(" ,").split(",") if text]


def _parse(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise errors.UserError(
            f'expected --fail_if as "METRIC < 0.95 * baseline", "METRIC < baseline - '
            f'0.01" or "METRIC < 0.3", received {text!r}'
        )
    offset = float(match["offset"] or 0.0) * (-1.0 if match["sign"] == "-" else 1.0)
    factor = float(match["factor"] or 1.0)
    if match["number"] is not None:
        factor, offset = 0.0, float(match["number"])
    return Condition(text, match["metric"], match["comparison"], factor, offset)


def failure(
    condition: Condition,
    first: report_files.Evaluation,
    second: report_files.Evaluation,
    models: tuple[str, str] | None,
) -> str:
    """Returns a line if a condition holds, else an empty text.

    A condition on an undefined number counts as holding, so the gate fails.
    """
    asked, model, metric = _named(condition, first, second, models)
    value = second.number(asked + model, metric)
    baseline = first.number(asked + (models[0] if models else model), metric)
    undefined = math.isnan(value) or (condition.factor and math.isnan(baseline))
    if not undefined and not condition.holds(value, baseline):
        return ""
    beside = f" (baseline {baseline:.4f})" if condition.factor else ""
    return (
        f"{condition.text}: {asked}{model}/{metric} is {value:.4f}, the threshold "
        f"{condition.bound(baseline):.4f}{beside}"
    )


def _named(
    condition: Condition,
    first: report_files.Evaluation,
    second: report_files.Evaluation,
    models: tuple[str, str] | None,
) -> tuple[str, str, str]:
    """Returns `requests/` or an empty text, the model and the metric of a condition.

    A condition without a model is about the compared model; else, for a metric of
    impressions, the ranker; else the last model of lists in both reports that is
    neither popularity nor a bound (for a run, the whole system).

    Raises:
      errors.UserError: The second report has no such metric.
    """
    plain = condition.metric.removeprefix(metric_names.REQUESTS)
    asked = metric_names.REQUESTS if plain != condition.metric else ""
    model, _, metric = plain.rpartition("/")
    if not model and models:
        model = models[1]
    elif not model and not asked and impression_metrics.is_one(metric):
        model = shown_scorers.RANKER
    elif not model:
        known, others = (
            e.report.requests.ahead if asked and e.report.requests else e.report.lists
            for e in (second, first)
        )
        both = [name for name in known if name in others]
        own = [name for name in both if name not in lists.REFERENCES]
        model = own[-1] if own else lists.POPULARITY
    if f"{asked}{model}/{metric}" not in second.metrics:
        names = [name.rpartition("/")[::2] for name in second.metrics]
        of_models, metrics = (
            ", ".join(dict.fromkeys(n)) for n in zip(*names, strict=True)
        )
        raise errors.UserError(
            f"expected --fail_if to name a metric of {second.path}, received "
            f"{condition.metric}: it has {metrics} of {of_models}"
        )
    return asked, model, metric
