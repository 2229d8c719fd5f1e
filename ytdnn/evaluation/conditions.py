"""The conditions of `ytdnn compare --fail_if`, for gates of continuous integration.

    recall@10 < 0.95 * baseline
    system/ndcg@10 < baseline - 0.002
    ranker/auc < 0.7

A condition compares a metric of the second report with a number or with the same metric
of the first, the baseline. Several are separated by commas; any that holds fails.
"""

import dataclasses
import operator
import re
from collections.abc import Callable

from ytdnn.base import errors

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
      metric: `[MODEL/]METRIC[@k]`.
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
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


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
