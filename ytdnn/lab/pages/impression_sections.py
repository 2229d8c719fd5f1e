"""Sections of the page on logged impressions: orders, predictions, other slates."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import markupsafe

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_parts, report_summary, report_types, tables
from ytdnn.lab.off_policy import counterfactual
from ytdnn.lab.pages import display_names, list_sections, page, plots

Tenth = report_types.Tenth
Block = page.Block

_NONE = (None, None, None)
_OUTCOME_TITLES = {"log_loss": "log loss", "calibration_ratio": "predicted / observed"}
# Field of a calibration, title of its plot, names of its axes.
_CALIBRATIONS = (
    (
        "seconds",
        "Calibration of expected watch seconds",
        "predicted watch seconds of an impression",
        "observed, mean over impressions",
    ),
    (
        "clicks",
        "Calibration of click probability",
        "predicted click probability",
        "observed, share of impressions",
    ),
    (
        "odds",
        "Calibration of odds",
        "predicted odds",
        "watch seconds per impression without a click (PAPER §4.2)",
    ),
)


@registries.REPORT_SECTIONS.register("ranker", place=20)
def sections(report: report_types.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    if report.shown_lists is not None:
        yield shown_order(report.shown_lists, display_names.drawn(report))
    if report.impressions:
        yield impressions(report)
    if report.outcomes is not None:
        yield outcomes(report.outcomes)
    if report.off_policy is not None:
        yield other_slates(report.off_policy)


def shown_order(shown: report_parts.ShownLists, drawn: Sequence[str]) -> page.Section:
    """Returns the value of each system's order of the shown videos."""
    what = report_summary.gain_words(shown)
    metrics = list(next(iter(shown.systems.values())))
    headings = [metric_names.title(metric) for metric in metrics]
    half = {
        tables.model_title(name): [values[metric_names.FIRST_HALF]]
        for name, values in shown.systems.items()
        if name in drawn
    }
    own = next((name for name in ("ranker", "candidates") if name in shown.systems), "")
    less = f"{tables.model_title(own)} less"
    return page.Section(
        "The order on this log",
        f"All {shown.impressions:,} videos that {shown.users:,} users were shown, as "
        f"one list for each user, in the order of each system. "
        f"{report_summary.SHOWN_LIMITS}",
        [
            plots.intervals(
                f"Share of the {what} in the first half of each user's videos",
                [""],
                half,
                "over all users; a random order has 0.5",
                colours=display_names.colours(drawn),
            ),
            _orders_table(["order", *headings], shown.systems, "{:.3f}".format),
            _orders_table([less, *headings], shown.ahead, "{:+.3f}".format),
        ],
    )


def _orders_table(
    columns: Sequence[str],
    systems: Mapping[str, Mapping[str, report_parts.WithInterval]],
    show: Callable[[float], str],
) -> page.Table:
    rows: list[list[page.Cell]] = [
        [
            tables.model_title(name),
            *(tables.NumberCell(*three, show) for three in values.values()),
        ]
        for name, values in systems.items()
    ]
    return page.Table(columns, rows)


def impressions(report: report_types.Report) -> page.Section:
    """Returns the numbers of the ranker, and how far its predictions hold."""
    models, rules = report.impressions, report.protocol.ranker
    number = rules.impressions if rules else 0
    measured = list_sections.measured(models)
    return page.Section(
        "Ranking of logged impressions",
        "The ranker scores impressions of the log. AUC: the chance that a clicked one "
        "scores above one that was not clicked (0.5: random order); of losses and "
        "errors less is better. The calibration plots cut the impressions into deciles "
        "by prediction: calibrated predictions lie on the dashed line.",
        [
            list_sections.metric_table(models, measured, f"{number:,} impressions"),
            *_less_best(report),
            list_sections.definitions(models),
            *_calibrations(report.calibration),
        ],
    )


def _less_best(report: report_types.Report) -> Iterator[Block]:
    """Yields the ranker less the best baseline of clicks, and of watch seconds."""
    for kind, best in report.best_baselines.items():
        headings = [metric_names.title(metric) for metric in best.ahead]
        columns = [f"by {kind}: ranker less", *headings]
        yield _orders_table(columns, {best.name: best.ahead}, "{:+.3f}".format)


def _calibrations(
    models: Mapping[str, report_types.CalibrationReport],
) -> Iterator[Block]:
    """Yields the plots, then their numbers."""
    numbers: list[Block] = []
    for field, title, *labels in _CALIBRATIONS:
        every = {name: getattr(one, field) for name, one in models.items()}
        tenths = {name: parts for name, parts in every.items() if parts}
        if tenths:
            yield _calibration_plot(tenths, title, *labels)
            numbers.append(_tenths(tenths, title))
    if numbers:
        yield page.Details("Numbers of the calibration", numbers)


def _tenths(models: Mapping[str, Sequence[Tenth]], caption: str = "") -> page.Table:
    """Returns predicted and observed means of ten parts, by prediction."""
    rows: list[list[page.Cell]] = [
        [
            tables.model_title(name),
            number,
            tenth.impressions,
            tenth.predicted,
            tables.NumberCell(*tenth.observed),
            tables.NumberCell(*tenth.ratio),
        ]
        for name, tenths in models.items()
        for number, tenth in enumerate(tenths, 1)
    ]
    columns = ["model", "decile", "impressions", "predicted", "observed"]
    return page.Table([*columns, "predicted / observed"], rows, caption)


def _calibration_plot(
    models: Mapping[str, Sequence[Tenth]], title: str, x_label: str, y_label: str
) -> markupsafe.Markup:
    series, every = {}, list[float]()
    for model, tenths in models.items():
        observed, low, high = zip(*(tenth.observed for tenth in tenths), strict=True)
        predicted = [tenth.predicted for tenth in tenths]
        points = plots.Series(predicted, observed, low, high, "points")
        series[tables.model_title(model)] = points
        every += tables.finite([*predicted, *observed])
    if ends := [end for end in every if end > 0]:
        reach = [min(ends), max(ends)]
        series = {"perfect": plots.Series(reach, reach)} | series
    colours, labels = display_names.colours(models) | {"perfect": 0}, (x_label, y_label)
    return plots.lines(title, series, *labels, log_x=True, log_y=True, colours=colours)


def outcomes(report: report_types.OutcomesReport) -> page.Section:
    """Returns the section of the outcomes of impressions besides the click."""
    blocks: list[Block] = [
        list_sections.metric_table(
            models, list_sections.measured(models), outcome, _outcome_title
        )
        for outcome, models in report.numbers.items()
    ]
    for outcome, models in report.calibration.items():
        blocks.append(page.Details(f"Calibration of {outcome}", [_tenths(models)]))
    if report.trade_offs:
        caption = "share in the first half of each user's list, by weights of the order"
        quantities = list(next(iter(report.trade_offs.values())).values)
        rows: list[list[page.Cell]] = [
            [weights, *(report_summary.estimate(entry, one) for one in quantities)]
            for weights, entry in report.trade_offs.items()
        ]
        headings = ["weights", *(one.replace("_", " ") for one in quantities)]
        blocks.append(page.Table(headings, rows, f"Trade-offs: {caption}"))
    return page.FoldedSection(
        "Outcomes of impressions",
        "Each outcome is predicted for every impression of which it is known. Grouped "
        "AUC is within each user, by what was known when the user's list began. The "
        "calibration ratio is predicted over observed. The last table orders each "
        "user's impressions by weighted sums of the predictions.",
        blocks,
    )


def _outcome_title(name: str) -> str:
    """Returns the display name of a metric of an outcome, which has no seconds."""
    return _OUTCOME_TITLES.get(name, metric_names.title(name))


def other_slates(report: report_types.OffPolicy) -> page.Section:
    """Returns the section of off-policy estimates, of slates other than the logged."""
    rows: list[list[page.Cell]] = []
    for name, value in report.systems.items():
        for scope, logged, estimates, size in (
            ("place", report.logged_per_place, value.per_place, value.effective_places),
            ("page", report.logged_per_page, value.per_page, value.effective_pages),
        ):
            for reward, by_name in estimates.items():
                threes = [logged[reward]]
                threes += [by_name.get(n, _NONE) for n in counterfactual.ESTIMATORS]
                cells = (tables.NumberCell(*three) for three in threes)
                what = f"{metric_names.title(reward)} of a {scope}"
                rows.append([tables.model_title(name), what, *cells, size])
    weights: list[list[page.Cell]] = [
        [
            tables.model_title(name),
            tables.NumberCell(*value.mean_weight),
            f"{value.share_never_shown:.0%}",
        ]
        for name, value in report.systems.items()
    ]
    columns = ["system", "reward", "as logged", *counterfactual.ESTIMATORS]
    columns.append("effective size")
    of_all = (
        f"{report.pages:,} of {report.pages_known:,} pages of {report.users:,} users"
    )
    return page.FoldedSection(
        "Estimates of other slates",
        "The log says with what probability it showed each video in its place, so each "
        "place can be weighed by how likely a system would have shown it. A small "
        "effective size means that the estimate rests on few places; a mean weight "
        "below 1, that the log could not have shown what the system would.",
        [
            page.Table(columns, rows, of_all, words=(0, 1)),
            page.Table(
                ["system", "mean weight", "places never shown"],
                weights,
                "How far the log could have shown the systems' pages",
            ),
        ],
    )
