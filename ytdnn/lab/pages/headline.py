"""The headline of a report: better, worse or no clear difference, and by how much."""

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import finite_numbers, names
from ytdnn.lab.pages import tables

# Differences whose interval holds 0 are not told apart.
_UNCLEAR = "No clear difference"
_OWN = ("ranker", "candidates")


def sentence(report: report_model.Report) -> str:
    """Returns the result of an evaluation in one sentence, empty where nothing judges.

    On a world it compares the ranker's slate with the candidates' by true watch
    seconds; on a log with impressions the served order with popularity; otherwise the
    candidates with the best baseline.

    Args:
      report: Report of the evaluation.
    """
    return _true_slates(report) or _shown_order(report) or _lists(report)


def verdict(low: float, high: float) -> str:
    """Returns the verdict on a difference by its interval.

    >>> verdict(0.1, 0.3), verdict(-0.3, -0.1), verdict(-0.1, 0.2)
    ('Better', 'Worse', 'No clear difference')
    """
    return "Better" if low > 0.0 else "Worse" if high < 0.0 else _UNCLEAR


def _true_slates(report: report_model.Report) -> str:
    for metric, gain in report.ranker_gain.items():
        if metric_names.stem(metric) != metric_names.TRUE_WATCH_SECONDS:
            continue
        before, after = (
            report.lists[name].values[metric] for name in ("candidates", "system")
        )
        found = _known(gain)
        if found is None or before is None or after is None:
            continue
        middle, low, high = found
        return (
            f"{verdict(low, high)}: the ranker's slate of "
            f"{metric_names.length(metric)} videos is truly watched for {after:,.0f} "
            f"seconds, the candidates' for {before:,.0f} ({middle:+,.0f}, 95 % "
            f"interval {low:+,.0f} to {high:+,.0f})."
        )
    return ""


def _shown_order(report: report_model.Report) -> str:
    found = report.shown_lists
    if found is None:
        return ""
    own = next((name for name in _OWN if name in found.systems), "")
    ahead = found.ahead.get("popularity")
    difference = None if ahead is None else _known(ahead["first_half_share"])
    if not own or difference is None:
        return ""
    middle, low, high = (100.0 * part for part in difference)
    shares = [
        100.0 * (found.systems[name]["first_half_share"][0] or 0.0)
        for name in (own, "popularity")
    ]
    gained = "clicks" if found.gain == "clicks" else "watch time"
    return (
        f"{verdict(low, high)}: the first half of each user's videos in the order of "
        f"the {names.model(own)} holds {shares[0]:.1f} % of the {gained}, by "
        f"popularity {shares[1]:.1f} % ({middle:+.1f} points, 95 % interval "
        f"{low:+.1f} to {high:+.1f})."
    )


def _lists(report: report_model.Report) -> str:
    metric = next(
        (
            name
            for found in report.lists.values()
            for name in found.values
            if name.startswith("ndcg@")
        ),
        "",
    )
    measured = {
        name: three
        for name, found in report.lists.items()
        if name not in (*names.TWO_STAGE, *names.PAGE_BOUNDS, "oracle")
        for three in [_known(tables.three(found, metric))]
        if three is not None
    }
    own = measured.pop("candidates", None)
    if own is None or not measured:
        return ""
    rival, best = max(measured.items(), key=lambda item: item[1][0])
    # Intervals of two systems, not one of their difference: the cautious reading.
    word = verdict(own[1] - best[2], own[2] - best[1])
    shown = ["{:.3f} ({:.3f} to {:.3f})".format(*three) for three in (own, best)]
    return (
        f"{word}: the candidates have {metric_names.title(metric)} {shown[0]}, the "
        f"best baseline ({names.model(rival)}) {shown[1]}, with 95 % intervals."
    )


def _known(
    three: report_parts.WithInterval,
) -> tuple[float, float, float] | None:
    """Returns a value with its interval, None where one is not measured."""
    middle, low, high = three
    if middle is None or low is None or high is None:
        return None
    return (middle, low, high) if finite_numbers.is_finite(middle) else None
