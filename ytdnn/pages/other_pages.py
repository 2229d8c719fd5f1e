"""Off-policy estimates of other pages than the logged ones: a section, and a table."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich import table

from ytdnn import registries
from ytdnn.evaluation import definitions, report_model, report_parts
from ytdnn.pages import names, page, scales, tables

TITLE = "what other pages would have brought, by the log"
_NOT_KNOWN = (None, None, None)


class _Row(NamedTuple):
    """One system's estimates of one reward.

    Attributes:
      system: Display name of the system.
      reward: Unit of the reward, such as "watch seconds of a place".
      logged: Mean reward of the logged pages.
      estimates: Estimates by estimator.
      effective: Effective number of places or pages.
    """

    system: str
    reward: str
    logged: report_parts.WithInterval
    estimates: dict[str, report_parts.WithInterval]
    effective: float


@registries.REPORT_SECTIONS.register("off_policy", place=30)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where the log has propensities."""
    found = report.off_policy
    if found is None:
        return
    numbers = page.Table(
        ["system", "reward", "as logged", *definitions.ESTIMATORS, "effective size"],
        [
            [
                row.system,
                row.reward,
                tables.cell(*row.logged),
                *(
                    tables.cell(*row.estimates.get(name, _NOT_KNOWN))
                    for name in definitions.ESTIMATORS
                ),
                row.effective,
            ]
            for row in _rows(found)
        ],
        _counts(found),
        words=(0, 1),
    )
    weights = page.Table(
        ["system", "mean weight", "places never shown"],
        [
            [
                names.model(name),
                tables.cell(*value.mean_weight),
                f"{value.share_never_shown:.0%}",
            ]
            for name, value in found.systems.items()
        ],
        "How far the log could have shown the systems' pages",
    )
    meanings = page.Table(
        ["", "definition"],
        [[name, text] for name, text in definitions.OFF_POLICY.items()],
        words=(0, 1),
    )
    yield page.Section(
        "Estimates of other slates",
        "The log says with what probability it showed each video in its place, so each "
        "place can be weighed by how likely a system would have shown the same. A "
        "small effective size means that the estimate rests on few places; a mean "
        "weight below 1, that the log could not have shown what the system would.",
        [numbers, weights, page.Details("Meaning of each number", [meanings])],
    )


def terminal_table(found: report_model.OffPolicy, with_intervals: bool) -> table.Table:
    """Returns the estimates as a table of the terminal.

    Args:
      found: The estimates.
      with_intervals: Whether there is room for them.
    """
    result = table.Table(title=TITLE, caption=_counts(found))
    result.add_column("reward", overflow="fold")
    for heading in ("as logged", *definitions.ESTIMATORS, "effective"):
        result.add_column(heading, justify="right", overflow="fold")
    by_system: dict[str, list[_Row]] = {}
    for row in _rows(found):
        by_system.setdefault(row.system, []).append(row)
    for system, rows in by_system.items():
        result.add_row(f"{system}:")
        for row in rows:
            values = [row.estimates.get(n, _NOT_KNOWN) for n in definitions.ESTIMATORS]
            cells = [_cell(one, with_intervals) for one in (row.logged, *values)]
            result.add_row(f"  {row.reward}", *cells, f"{row.effective:,.0f}")
        result.add_section()
    return result


def _rows(found: report_model.OffPolicy) -> Iterator[_Row]:
    for name, value in found.systems.items():
        scopes: Mapping[str, tuple[dict, dict, float]] = {
            "place": (found.logged_per_place, value.per_place, value.effective_places),
            "page": (found.logged_per_page, value.per_page, value.effective_pages),
        }
        for scope, (logged, estimates, size) in scopes.items():
            for reward, by_name in estimates.items():
                words = f"{names.metric(reward)} of a {scope}"
                yield _Row(names.model(name), words, logged[reward], by_name, size)


def _counts(found: report_model.OffPolicy) -> str:
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
    known = scales.finite(ends)
    if len(known) < 2 or not with_interval:
        return f"{value:,.{decimals}f}"
    return f"{value:,.{decimals}f} ± {(known[1] - known[0]) / 2:,.{decimals}f}"
