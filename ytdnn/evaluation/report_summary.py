"""The result of a report in words and one table, for the terminal and the page.

A ranker of watch time is judged by watch time (PAPER §4): on a world by the true watch
seconds of the slate, on any other log by the watch seconds of hits. Retrieval metrics
answer another question, and judge the first stage.
"""

from collections.abc import Iterator, Mapping, Sequence

from ytdnn.base import formats
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    report_parts,
    report_types,
    shown_baselines,
    shown_lists,
    tables,
)

# These order by watch time: what they retrieve is no measure of them.
TWO_STAGE = ("system", "system-scann")
JUDGED_BY = (
    "Retrieval is judged by recall and hit rate of the videos watched afterwards; both "
    "stages together by watch time: on a world by the true watch seconds of the slate, "
    "on any log by the watch time in the first places of each user's own impressions."
)
SHOWN_LIMITS = (
    "The lists hold only videos that the recommender of the log chose to show, and "
    "what was shown earlier or higher may have been watched for that. A live test "
    "tells what other videos bring, or a log with propensities "
    "(impressions.propensity)."
)
_OWN = ("ranker", "candidates")
_NO_BASELINES = (lists.ORACLE, lists.NETWORK, lists.AS_TRAINED)
_RETRIEVAL = ("hit_rate", "recall", "ndcg")
_BY_REQUEST = ("hit_rate", "ndcg")
_RANKING = (metric_names.AUC, metric_names.PER_USER_LOSS)
_HEADLINE_K = 10


def ks(report: report_types.Report) -> list[int]:
    """Returns the lengths at which lists were measured."""
    names = [name for entry in report.lists.values() for name in entry.values]
    return sorted({int(k) for k in map(metric_names.length, names) if k})


def headline_k(report: report_types.Report) -> int:
    """Returns the length to show first: 10 if measured, else the shortest."""
    measured = ks(report)
    return _HEADLINE_K if _HEADLINE_K in measured else measured[0]


def slate_metric(report: report_types.Report) -> str | None:
    """Returns the metric that judges slates, `METRIC@k`; None: no watch time."""
    k = headline_k(report)
    for stem in metric_names.PAGE_VALUES:
        for entry in report.lists.values():
            if entry.values.get(metric_names.at(stem, k)) is not None:
                return metric_names.at(stem, k)
    return None


def retrieval(report: report_types.Report) -> dict[str, report_types.Entry]:
    """Returns the models with retrieval metrics to show."""
    by_watch_time = TWO_STAGE if slate_metric(report) is not None else ()
    left_out = (*lists.PAGE_BOUNDS, *by_watch_time)
    return {k: entry for k, entry in report.lists.items() if k not in left_out}


def estimate(entry: report_types.Entry | None, metric: str) -> tables.NumberCell:
    """Returns a model's value of a metric with its interval."""
    if entry is None:
        return tables.NumberCell(None)
    return tables.NumberCell(
        entry.values.get(metric), *(entry.intervals.get(metric) or ())
    )


def metric_title(metric: str) -> str:
    """Returns the display name of a metric, with an arrow where less is better."""
    arrow = " ↓" if metric_names.less_is_better(metric) else ""
    return metric_names.title(metric) + arrow


def summary_table(report: report_types.Report, is_short: bool = False) -> tables.Table:
    """Returns the table of all systems, by the metrics that judge them.

    Args:
      report: Report of the evaluation.
      is_short: Whether it has the run's own systems alone, with popularity and the best
        of the others by each metric.
    """
    k, judge = headline_k(report), slate_metric(report)
    own = report.config.get("evaluation", {}).get("metrics", ())
    asked = report.requests
    stems = _RETRIEVAL if asked is None else _BY_REQUEST
    listed = [metric_names.at(stem, k) for stem in (*stems, *own)]
    retrieved = retrieval(report)
    columns = [(metric, metric_title(metric), retrieved) for metric in listed]
    if judge is not None:
        columns.insert(0, (judge, metric_title(judge), report.lists))
    columns += [(m, metric_title(m), report.impressions) for m in (*_RANKING, *own)]
    names = [*{**report.lists, **report.impressions}]
    if asked is not None:
        by_requests = [metric_names.at(stem, k) for stem in _BY_REQUEST]
        titles = [f"requests {metric_title(metric)}" for metric in by_requests]
        models = [asked.systems] * len(titles)
        columns = [*zip(by_requests, titles, models, strict=True), *columns]
        names.insert(names.index(lists.POPULARITY) + 1, asked.best_count)
        names += [report.name] * (report.name in asked.systems.keys() - {*names})
    columns = [
        (metric, title, models)
        for metric, title, models in columns
        if any(entry.values.get(metric) is not None for entry in models.values())
    ]
    best = {baseline.name for baseline in report.best_baselines.values()}
    hidden = set(shown_baselines.NAMES) - best  # the page has them
    if is_short:
        hidden = set(names) - _in_short(columns) - {report.name}
    rows: list[list[tables.Cell]] = [
        [
            tables.model_title(name),
            *(estimate(models.get(name), metric) for metric, _, models in columns),
        ]
        for name in names
        if name not in hidden
    ]
    rules = report.protocol
    shown = f", {rules.ranker.impressions:,} impressions" if rules.ranker else ""
    return tables.Table(
        ["system", *(title for _, title, _ in columns)],
        rows,
        f"{rules.name} protocol, {rules.split} split: {rules.users:,} users, lists of "
        f"{rules.candidate_set_videos:,} videos{shown}",
    )


def _in_short(
    columns: Sequence[tuple[str, str, Mapping[str, report_types.Entry]]],
) -> set[str]:
    """Returns the systems of a short table."""
    kept = {lists.POPULARITY, lists.CANDIDATES, lists.SYSTEM, *_OWN}
    others = {*kept, *lists.PAGE_BOUNDS, *_NO_BASELINES}
    for metric, _, models in columns:
        sign = -1.0 if metric_names.less_is_better(metric) else 1.0
        known = {n: e.values.get(metric) for n, e in models.items() if n not in others}
        values = {n: sign * value for n, value in known.items() if value is not None}
        kept |= {max(values, key=lambda name: values[name])} if values else set()
    return kept


def verdict(low: float, high: float) -> str:
    """Returns the verdict on a difference by its interval.

    >>> verdict(0.1, 0.3), verdict(-0.3, -0.1), verdict(-0.1, 0.2)
    ('Better', 'Worse', 'No clear difference')
    """
    return "Better" if low > 0.0 else "Worse" if high < 0.0 else "No clear difference"


def request_headline(report: report_types.Report) -> str:
    """Returns the result by requests in a sentence; empty where there are none.

    Args:
      report: Report of the evaluation.
    """
    asked, k = report.requests, headline_k(report)
    if asked is None or not asked.ahead:
        return ""
    metric = metric_names.at(_BY_REQUEST[0], k)
    name = lists.CANDIDATES if lists.CANDIDATES in asked.ahead else [*asked.ahead][-1]
    middle, low, high = _known(asked.ahead[name][metric]) or (0.0, 0.0, 0.0)
    own, rival = (
        estimate(asked.systems[n], metric).value or 0.0 for n in (name, asked.rival)
    )
    sample = f" of {asked.watches:,}" if asked.watches > asked.requests else ""
    return (
        f"{verdict(low, high)}: asked at the time of {asked.requests:,}{sample} "
        f"{report.protocol.split} watches, {tables.model_title(name)} list the watched "
        f"video among {k} in {own:.1%}, the best baseline "
        f"({tables.model_title(asked.rival)}) in {rival:.1%} ({100.0 * middle:+.1f} "
        f"points, 95 % interval {100.0 * low:+.1f} to {100.0 * high:+.1f})."
    )


def headline(report: report_types.Report) -> str:
    """Returns the result of an evaluation in a sentence, empty where nothing judges.

    On a world it compares the ranker's slate with the candidates' by true watch
    seconds; on a log with impressions the served order with the best count; otherwise
    the candidates with the best baseline.

    Args:
      report: Report of the evaluation.
    """
    return _true_slates(report) or _shown_order(report) or _best_baseline(report)


def _true_slates(report: report_types.Report) -> str:
    for metric, gain in report.ranker_gain.items():
        before, after = (
            report.lists[name].values.get(metric) for name in ("candidates", "system")
        )
        is_true = metric_names.stem(metric) == metric_names.TRUE_WATCH_SECONDS
        known = _known(gain)
        if not is_true or known is None or before is None or after is None:
            continue
        middle, low, high = known
        return (
            f"{verdict(low, high)}: the ranker's slate of "
            f"{metric_names.length(metric)} videos is truly watched for {after:,.0f} "
            f"seconds, the candidates' for {before:,.0f} ({middle:+,.0f}, 95 % "
            f"interval {low:+,.0f} to {high:+,.0f})."
        )
    return ""


def _shown_order(report: report_types.Report) -> str:
    shown, metric = report.shown_lists, metric_names.FIRST_HALF
    own = next((name for name in _OWN if shown and name in shown.systems), "")
    if shown is None or not own:
        return ""
    rivals = [name for name in shown.ahead if name in shown_lists.BASELINES]
    values = {name: shown.systems[name][metric][0] or 0.0 for name in rivals}
    best = max(rivals, key=lambda name: values[name], default="")
    difference = _known(shown.ahead[best][metric]) if best else None
    if difference is None:
        return ""
    middle, low, high = (100.0 * part for part in difference)
    names = [own, *(n for n in (best, "candidates", "random") if n != own)]
    each = {n: shown.systems[n][metric][0] or 0.0 for n in names if n in shown.systems}
    shares = [f"{tables.model_title(name)} {share:.1%}" for name, share in each.items()]
    return (
        f"{verdict(low, high)}: share of the {gain_words(shown)} in the first half of "
        f"each user's shown videos, by order: {', '.join(shares)} ({middle:+.1f} "
        f"points against {tables.model_title(best)}, 95 % interval {low:+.1f} to "
        f"{high:+.1f})."
    )


def gain_words(shown: report_parts.ShownLists) -> str:
    """Returns the gain of the lists in words."""
    return "clicks" if shown.gain == "clicks" else "watch time"


def _best_baseline(report: report_types.Report) -> str:
    names = [name for entry in report.lists.values() for name in entry.values]
    metric = next((name for name in names if name.startswith("ndcg@")), "")
    measured = {
        name: three
        for name, entry in report.lists.items()
        if name not in (*TWO_STAGE, *lists.PAGE_BOUNDS, *_NO_BASELINES)
        for three in [_known(estimate(entry, metric).three)]
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
        f"best baseline ({tables.model_title(rival)}) {shown[1]}, with 95 % intervals."
    )


def _known(three: Sequence[float | None]) -> tuple[float, float, float] | None:
    """Returns a value with its interval, None where one is not measured."""
    known = tables.finite(three)
    return (known[0], known[1], known[2]) if len(known) == 3 else None


def notes(report: report_types.Report) -> Iterator[str]:
    """Yields notes on the numbers of a report, a sentence or two each."""
    rules = report.protocol
    yield from baseline_notes(report)
    yield from _answer_notes(report)
    if rules.sees_request_time:
        yield (
            "Sees request time: the candidate model reads the time of the request, "
            "which is that of the first answer. Compare only with numbers that do too."
        )
    if rules.trains_on_validation:
        yield (
            "Final fit: the candidate model was trained on training and validation "
            "watches, for a fixed number of epochs; only the test split is held out."
        )
    yield from rules.contest
    if rules.learned_to is not None:
        yield (
            f"The candidates went on learning up to {formats.minute(rules.learned_to)} "
            f"UTC, as everything that is counted has."
        )
    loss, order = (
        any(entry.values.get(name) is not None for entry in report.impressions.values())
        for name in (metric_names.PER_USER_LOSS, metric_names.PAGE_NDCG)
    )
    if order and not loss:
        yield (
            "No slate of the log holds both a clicked and an unclicked video, so the "
            "weighted per-user loss is unknown: name the slate of each impression "
            "(impressions.page_id), or set --config.data.page_gap_seconds=600, after "
            "which pause one ends."
        )
    if rules.system_left_out:
        yield f"Both stages are left out: {rules.system_left_out}."
    if rules.served_order:
        yield f"{rules.served_order}."
    yield from report.warnings


def baseline_notes(report: report_types.Report) -> Iterator[str]:
    """Yields a note on the ranker beside the best baseline of each kind."""
    for kind, best in report.best_baselines.items():
        own = report.impressions["ranker"].values[best.judge] or 0.0
        gain, low, high = _known(best.ahead[best.judge]) or (0.0, 0.0, 0.0)
        yield (
            f"{verdict(low, high)} by {kind}: {metric_names.title(best.judge)} "
            f"{own:.3f} of the ranker, {own - gain:.3f} of the best baseline "
            f"({tables.model_title(best.name)}), difference {gain:+.3f} ({low:+.3f} to "
            f"{high:+.3f})."
        )


def _answer_notes(report: report_types.Report) -> Iterator[str]:
    """Yields a note on right answers that no model, or no list, can hold."""
    rules = report.protocol
    unknown, answers = rules.answers_out_of_vocabulary, f"{rules.answers:,}"
    if unknown:
        lists_new = rules.candidate_set_videos > rules.videos
        knows = "no model can retrieve them"
        if lists_new:
            knows = "the candidate model knows them by their content alone"
        elif lists.NETWORK in report.lists:
            knows = "only what is watched at the time of a request can list them"
        yield (
            f"{unknown:,} of {answers} right answers are videos that were first "
            f"watched after the training window: {knows}."
        )
    if rules.answers_out_of_candidate_set:
        yield (
            f"{rules.answers_out_of_candidate_set:,} of {answers} right answers are "
            f"not uploaded at the time of the request, so cannot be retrieved."
        )


def leak_check(report: report_types.Report) -> str:
    """Returns the result of the leak check."""
    checked = report.leaks
    same = ""
    if checked.same_second_inputs:
        same = (
            f" {checked.same_second_inputs:,} inputs have the timestamp of their "
            f"label, and come before it in that order."
        )
    return (
        f"Leak check passed: none of the inputs of {checked.checked_examples:,} "
        f"examples is at or after its label in the order of the log.{same}"
    )
