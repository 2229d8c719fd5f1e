"""Sentences on the value of each order, for the choice of the served model."""

from collections.abc import Iterator

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import names

_HOUR_SECONDS = 3_600.0
_OWN = ("ranker", "candidates")
_WHO = {
    "ranker": "the ranker",
    "candidates": "the candidate model",
    "popularity": "popularity",
    "logged": "the order of the log",
}
_LIMITS = (
    "The lists hold only videos that the recommender of the log chose to show. So this "
    "says which order of those is better, not what other videos would have brought; "
    "and what was shown earlier or higher may have been watched for that. A live test "
    "tells, or a log with propensities (impressions.propensity)"
)


def is_first(report: report_model.Report) -> bool:
    """Returns whether it is the headline: on a real log, without true slates."""
    return report.shown_lists is not None and not any(
        name.startswith(metric_names.TRUE_WATCH_SECONDS)
        for found in report.lists.values()
        for name in found.values
    )


def sentences(report: report_model.Report) -> Iterator[str]:
    """Yields sentences on the results for the lists, and on their limits."""
    found = report.shown_lists
    if found is None:
        return
    yield _headline(found, report.protocol.split)
    yield from _ahead(found)
    if report.protocol.served_order:
        yield report.protocol.served_order
    if report.off_policy is not None:
        yield from _other_pages(report.off_policy)
    yield _LIMITS


def exposure(report: report_model.Report) -> Iterator[str]:
    """Yields the reason for few hits: how many listed videos the log showed."""
    found = report.shown_lists
    if found is None or not found.exposed:
        return
    k = metric_names.length(next(iter(next(iter(found.exposed.values())))))
    parts = []
    for name, metrics in found.exposed.items():
        number, brought = (
            metrics[metric_names.at(m, k)][0] for m in ("shown", "gain_per_shown")
        )
        worth = "" if brought is None else f" ({_each(found, brought)} each)"
        parts.append(f"{names.model(name)} {number or 0.0:.2f}{worth}")
    yield (
        f"Only videos that the log showed can be hits. Number of each system's first "
        f"{k} that it showed, mean over users: {'; '.join(parts)}. A system that lists "
        f"other videos has fewer hits, however good its list is"
    )


def _headline(found: report_parts.ShownLists, split: str) -> str:
    half = {
        name: metrics["first_half_share"][0] for name, metrics in found.systems.items()
    }
    own, *others = (name for name in _WHO if name in half)
    kept = ", ".join(
        [
            f"{_WHO[own]} would keep {_percent(half[own])} of {gain(found)}",
            *(f"{_WHO[name]} {_percent(half[name])}" for name in others),
        ]
    )
    return (
        f"In the {split} window {found.users:,} users were shown two videos or more, "
        f"{found.impressions:,} in all, and {_total(found)}. If each user could be "
        f"shown only half of these videos, {kept}; a random choice "
        f"{_percent(half['random'])}, the best possible one {_percent(half['best'])}"
    )


def _ahead(found: report_parts.ShownLists) -> Iterator[str]:
    own = next((name for name in _OWN if name in found.systems), "")
    parts = [
        _points(metrics["first_half_share"], _WHO[name])
        for name, metrics in found.ahead.items()
        if metrics["first_half_share"][0] is not None
    ]
    if parts:
        yield (
            f"{_WHO[own][:1].upper()}{_WHO[own][1:]} keeps {', '.join(parts)} "
            f"(percentage points, 95 % interval paired by user)"
        )


def _other_pages(found: report_model.OffPolicy) -> Iterator[str]:
    reward = "watch_seconds" if "watch_seconds" in found.logged_per_page else "clicks"
    words = reward.replace("_", " ")
    parts = [
        f"{names.model(name)} {_estimate(value.per_page[reward]['snips'])}"
        for name, value in found.systems.items()
    ]
    yield (
        f"By the log's propensities, new pages would bring (SNIPS, {words} a page, 95 "
        f"% interval): {'; '.join(parts)}; the logged pages brought "
        f"{_estimate(found.logged_per_page[reward])}"
    )


def _total(found: report_parts.ShownLists) -> str:
    if found.gain == "clicks":
        return f"clicked {found.total:,.0f}"
    hours = found.total / _HOUR_SECONDS
    if hours < 1.0:
        return f"watched {found.total:,.0f} seconds of them"
    return f"watched {hours:,.{0 if hours >= 10.0 else 1}f} hours of them"


def gain(found: report_parts.ShownLists) -> str:
    """Returns the reward of the lists, in words."""
    return "the clicks" if found.gain == "clicks" else "the watch time"


def _each(found: report_parts.ShownLists, brought: float) -> str:
    return f"{brought:.2f} clicks" if found.gain == "clicks" else f"{brought:,.0f} s"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"


def _points(three: report_parts.WithInterval, other: str) -> str:
    value, low, high = (0.0 if part is None else 100.0 * part for part in three)
    word = "more" if value >= 0.0 else "less"
    return f"{abs(value):.1f} points {word} than {other} ({low:+.1f} to {high:+.1f})"


def _estimate(three: report_parts.WithInterval) -> str:
    value, low, high = (0.0 if part is None else part for part in three)
    return f"{value:,.1f} ({low:,.1f} to {high:,.1f})"
