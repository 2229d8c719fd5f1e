"""The table of off-policy estimates in the terminal."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich import table

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import definitions, report_model, report_parts
from ytdnn.evaluation.terminal import layout, names

TITLE = "estimated values of other slates, from the log"
NOT_KNOWN = (None, None, None)


class EstimateRow(NamedTuple):
    """One system's estimates of one reward.

    Attributes:
      system: Display name of the system.
      reward: Unit of the reward, such as "watch seconds of a place".
      logged: Mean reward of the logged slates.
      estimates: Estimates by estimator.
      effective: Effective number of places or slates.
    """

    system: str
    reward: str
    logged: report_parts.WithInterval
    estimates: dict[str, report_parts.WithInterval]
    effective: float


def terminal_table(found: report_model.OffPolicy, with_intervals: bool) -> table.Table:
    """Returns the estimates as a table of the terminal.

    Args:
      found: The estimates.
      with_intervals: Whether there is room for intervals.
    """
    result = table.Table(title=TITLE, caption=counts(found))
    result.add_column("reward", overflow="fold")
    for heading in ("as logged", *definitions.ESTIMATORS, "effective"):
        result.add_column(heading, justify="right", overflow="fold")
    by_system: dict[str, list[EstimateRow]] = {}
    for row in rows(found):
        by_system.setdefault(row.system, []).append(row)
    for system, several in by_system.items():
        result.add_row(f"{system}:")
        for row in several:
            values = [row.estimates.get(n, NOT_KNOWN) for n in definitions.ESTIMATORS]
            cells = [_cell(one, with_intervals) for one in (row.logged, *values)]
            result.add_row(f"  {row.reward}", *cells, f"{row.effective:,.0f}")
        result.add_section()
    return result


def rows(found: report_model.OffPolicy) -> Iterator[EstimateRow]:
    """Yields the estimates of each system, reward and scope."""
    for name, value in found.systems.items():
        scopes: Mapping[str, tuple[dict, dict, float]] = {
            "place": (found.logged_per_place, value.per_place, value.effective_places),
            "page": (found.logged_per_page, value.per_page, value.effective_pages),
        }
        for scope, (logged, estimates, size) in scopes.items():
            for reward, by_name in estimates.items():
                words = f"{metric_names.title(reward)} of a {scope}"
                yield EstimateRow(
                    names.model(name), words, logged[reward], by_name, size
                )


def counts(found: report_model.OffPolicy) -> str:
    """Returns the numbers of slates and places of the estimates, in words."""
    drawn = f"{found.pages:,} of {found.pages_known:,} pages, {found.places:,} places"
    bound = f"; weights up to {found.most_weight:g}" if found.most_weight else ""
    left_out = found.pages_left_out
    more = f"; {left_out:,} pages not known whole are left out" if left_out else ""
    return f"{drawn} of {found.users:,} users{bound}{more}"


def _cell(found: report_parts.WithInterval, with_interval: bool) -> str:
    value, *ends = found
    if value is None:
        return "–"
    decimals = 3 if abs(value) < 10.0 else 1
    return layout.number(value, decimals, ends if with_interval else ())
