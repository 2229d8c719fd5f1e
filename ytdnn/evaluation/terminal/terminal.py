"""The report in the terminal: models side by side, with intervals and notes."""

from collections.abc import Iterator, Mapping, Sequence

import rich
from rich import box, console, table, text

from ytdnn.base.metrics import calibration, metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import (
    finite_numbers,
    layout,
    names,
    notes,
    off_policy_table,
    outcome_table,
    page_value,
    shown_order_table,
    shown_words,
)

_GAPS_SHOWN = 5
_WIDE = 100  # characters, from which intervals have room in the table of pages
_OF_PAGE = (*metric_names.TRUE_PAGE, metric_names.HIT_WATCH_SECONDS)
_FIRST_K_ALONE = (
    "mean_popularity",
    "mean_age_days",
    "coverage",
    *metric_names.COVERAGES,
    metric_names.SIMILARITY,
    metric_names.NOVELTY,
    metric_names.GINI,
    "watch_time_recall",
    "watch_time_ndcg",
)


def show(report: report_model.Report) -> None:
    """Prints the tables and notes of a report to the terminal."""
    screen = rich.get_console()
    screen.print(render(report, screen.width))


def render(report: report_model.Report, width: int) -> console.Group:
    """Returns the tables and notes of a report as text.

    Args:
      report: The report.
      width: Characters of a line; a table without room for intervals names the file
        with them.
    """
    worth = [_of_pages(report, width), _of_order(report, width)]
    if shown_words.is_first(report):
        worth.reverse()
    parts = [part for several in worth for part in several]
    parts += _lists_tables(report, width)
    if report.impressions:
        parts += _ranking_tables(report, width)
        parts += map(_slice_table, report.impression_slices.values())
        if report.calibration:
            parts.append(_calibration_table(report.calibration))
    parts += outcome_table.terminal_tables(report)
    if report.off_policy is not None:
        parts.append(off_policy_table.terminal_table(report.off_policy, width >= _WIDE))
    parts += _gap_tables(report, width)
    parts += [text.Text(note) for note in _notes(report)]
    return console.Group(*parts)


def _of_pages(report: report_model.Report, width: int) -> list[console.RenderableType]:
    """Returns the value of each system's slates; empty if it is unknown."""
    if page_value.value(report) is None:
        return []
    lines = [text.Text(f"{line}.") for line in page_value.sentences(report)]
    return [_page_table(report, width), *lines]


def _of_order(report: report_model.Report, width: int) -> list[console.RenderableType]:
    """Returns the value of each order of the shown videos; empty without them."""
    if report.shown_lists is None:
        return []
    lines = [text.Text(f"{line}.") for line in shown_words.sentences(report)]
    return [
        shown_order_table.terminal_table(report.shown_lists, width >= _WIDE),
        *lines,
    ]


def _page_table(report: report_model.Report, width: int) -> table.Table:
    """Returns the table of page values: systems down, metrics across."""
    metrics = page_value.columns(report)
    result = table.Table(title=f"the page of {page_value.headline_k(report)} videos")
    result.add_column("system", no_wrap=True)
    for metric in metrics:
        result.add_column(metric.replace("_", " "), justify="right", overflow="fold")
    has_room = width >= _WIDE
    for name, found in report.lists.items():
        cells = [layout.cell(found, metric, has_room) for metric in metrics]
        result.add_row(names.model(name), *cells)
    return result


def _lists_tables(report: report_model.Report, width: int) -> list[table.Table]:
    """Returns the retrieval metrics."""
    protocol, models = report.protocol, page_value.retrieval(report)
    title = (
        f"{protocol.name} protocol, {protocol.split} split: {protocol.users:,} users, "
        f"lists of {protocol.candidate_set_videos:,} videos"
    )
    by_k: dict[str, list[str]] = {}
    for metric in _metrics(models):
        stem, k = metric_names.stem(metric), metric_names.length(metric)
        is_first = not by_k or k == next(iter(by_k))
        if stem not in _OF_PAGE and (is_first or stem not in _FIRST_K_ALONE):
            by_k.setdefault(k, []).append(metric)
    return layout.tables(title, models, list(by_k.values()), width)


def _ranking_tables(report: report_model.Report, width: int) -> list[table.Table]:
    rules = report.protocol.ranker
    number = rules.impressions if rules else 0
    models, title = report.impressions, f"ranker: {number:,} logged impressions"
    return layout.tables(title, models, [_metrics(models)], width)


def _slice_table(rows: Sequence[report_model.ImpressionSliceRow]) -> table.Table:
    """Returns a few metrics of parts of the impressions."""
    result = table.Table(title="ranker: parts of the impressions")
    result.add_column("videos", no_wrap=True)
    models = list(next(iter(rows)).models)
    for model in models:
        result.add_column(names.model(model), justify="right", overflow="fold")
    for row in rows:
        result.add_row(f"{row.value}: {row.impressions:,}")
        for metric in next(iter(row.models.values()), {}):
            values = (row.models[model][metric][0] for model in models)
            cells = ("–" if value is None else f"{value:.4f}" for value in values)
            result.add_row(f"  {layout.metric(metric)}", *cells)
        result.add_section()
    return result


def _calibration_table(
    found: Mapping[str, report_model.CalibrationReport],
) -> table.Table:
    """Returns predicted over observed of each tenth, whatever is predicted."""
    result = table.Table(
        title="ranker: predicted / observed, by decile of the prediction",
        caption="*: the 95 % interval lies to one side of 1",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        show_edge=False,
    )
    result.add_column("", overflow="fold")
    for place in range(1, calibration.NUM_BINS + 1):
        result.add_column(str(place), justify="right", no_wrap=True, min_width=5)
    for kind in ("seconds", "clicks", "odds"):
        for model, one in found.items():
            tenths = getattr(one, kind)
            if tenths:
                result.add_row(f"{names.model(model)} {kind}", *map(_ratio, tenths))
    return result


def _ratio(tenth: report_model.Tenth) -> str:
    value, low, high = tenth.ratio
    if value is None:
        return "–"
    ends = finite_numbers.finite((low, high))
    is_off = len(ends) == 2 and not ends[0] <= 1.0 <= ends[1]
    return f"{value:.{2 if value < 10.0 else 0}f}{'*' if is_off else ''}"


def _gap_tables(report: report_model.Report, width: int) -> list[table.Table]:
    """Returns the share of the way from popularity to the oracle that models go."""
    left_out = page_value.apart(report)
    closed = {
        kind: {k: v for k, v in found.items() if kind != "lists" or k not in left_out}
        for kind, found in report.gap_closed.items()
    }
    parts: list[table.Table] = []
    for found in filter(None, closed.values()):
        metrics = list(next(iter(found.values())))[:_GAPS_SHOWN]
        rows = {k: [_share(v.get(m)) for m in metrics] for k, v in found.items()}
        parts += layout.models_down([*map(metric_names.title, metrics)], rows, width)
    if parts:
        parts[0].title = names.GAP_CLOSED
    return parts


def _share(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:.0%}"


def _metrics(models: Mapping[str, report_model.Entry]) -> list[str]:
    return list({name: None for found in models.values() for name in found.values})


def _notes(report: report_model.Report) -> Iterator[str]:
    yield "±: half a 95 % bootstrap interval over users. ↓: lower is better."
    if page_value.value(report) is not None:
        yield report.protocol.judged_by
    yield from notes.leaks(report)
    if report.index:
        yield "Index: " + _pairs(report.index) + "."
    if report.latency:
        yield "Latency for one user: " + _pairs(report.latency) + "."
    yield from notes.sentences(report)


def _pairs(values: Mapping[str, float | None]) -> str:
    return "; ".join(
        f"{names.search(name)} {value:.3f}"
        for name, value in values.items()
        if value is not None
    )
