"""Sections on a run's background: training, examples, protocol, config."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ytdnn.base import configs, registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import docstrings, report_examples, report_model, report_parts
from ytdnn.evaluation.terminal import names, notes
from ytdnn.lab.pages import page, plots

# Drawn at once; a stage's other metrics say nearly the same.
_FIRST_CURVES = ("loss", "hit_rate", "ndcg", "auc", "weighted_per_user_loss")
_MOST_SHOWN = 10
_FOUND = "✓ "


@registries.REPORT_SECTIONS.register("making", place=90)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    if report.examples:
        yield examples(report)
    if any(report.training.values()):
        yield training(report)
    if report.index or report.latency:
        yield search(report)
    yield protocol(report)
    yield making(report)


def examples(report: report_model.Report) -> page.Section:
    """Returns some users: history, each model's list, and the right answers."""
    blocks = [
        _user(example, is_open=place == len(report.examples) // 2)
        for place, example in enumerate(report.examples)
    ]
    return page.Section(
        "Example users",
        "The history of single users (most recent first), what each model recommends, "
        "and what they watched afterwards. Right recommendations are green and ticked. "
        "The users are evenly spaced in the order of recall, the lowest first.",
        blocks,
    )


def _user(example: report_examples.Example, is_open: bool) -> page.Details:
    facts = [f"{key} {_words(value)}" for key, value in example.facts.items()]
    history, answers = example.history[::-1], example.answers
    columns: list[list[page.Block]] = [
        [_videos("watched before", history, example.history_length)]
    ]
    right = []
    for model, videos in example.lists.items():
        columns.append([_videos(names.model(model), videos, len(videos))])
        found = sum(video.is_answer for video in videos)
        right.append(f"{names.model(model)} {found}")
    columns.append([_videos("watched afterwards", answers, example.num_answers)])
    words = ", ".join([f"User {example.user_id}", *facts])
    words += f". Right answers: {example.num_answers:,}; found: {', '.join(right)}."
    return page.Details(words, [page.Columns(columns)], open=is_open)


def _videos(
    heading: str, videos: Sequence[report_examples.ReportVideo], number: int
) -> page.Table:
    """Returns the first videos of `number`, the right ones ticked."""
    shown = videos[:_MOST_SHOWN]
    found = [
        place for place, video in enumerate(shown) if getattr(video, "is_answer", False)
    ]
    rows: list[list[page.Cell]] = [
        [(_FOUND if place in found else "") + _title(video)]
        for place, video in enumerate(shown)
    ]
    if number > len(shown):
        rows.append([f"and {number - len(shown):,} more"])
    return page.Table([heading], rows, marked=found)


def _title(video: report_examples.ReportVideo) -> str:
    title = video.title or f"video {video.video_id}"
    topic = str(video.topic or "")
    return title if topic.lower() in title.lower() else f"{title} ({topic})"


def training(report: report_model.Report) -> page.Section:
    """Returns the curves of each stage's training."""
    blocks: list[page.Block] = []
    more: list[page.Block] = []
    for stage, record in report.training.items():
        by_stem: dict[str, dict[str, plots.Series]] = {}
        for name, values in record.scalars.items():
            curves = by_stem.setdefault(metric_names.stem(name), {})
            curves[metric_names.title(name)] = plots.Series(record.epochs, values)
        for stem in sorted(by_stem, key=_importance):
            drawn = _curve_plot(stage, stem, by_stem[stem], record.epochs)
            (more if _importance(stem) == len(_FIRST_CURVES) else blocks).append(drawn)
    if more:
        blocks.append(page.Details("More validation metrics", more))
    return page.Section(
        "Training",
        "Loss on the training examples, and metrics on the validation data, after each "
        "epoch. The weights of the best epoch are kept; the last, where nothing was "
        "held out for validation.",
        blocks,
    )


def _importance(stem: str) -> int:
    """Returns the place of a curve; the last are shown when asked for."""
    return _FIRST_CURVES.index(stem) if stem in _FIRST_CURVES else len(_FIRST_CURVES)


def _curve_plot(
    stage: str, stem: str, curves: Mapping[str, plots.Series], epochs: Sequence[int]
) -> page.Block:
    return plots.lines(
        f"{stage}: {metric_names.title(stem)}",
        curves,
        "epoch",
        metric_names.title(stem),
        x_ticks=plots.epoch_ticks(epochs),
    )


def search(report: report_model.Report) -> page.Section:
    """Returns the section on the recall and latency of the index."""
    rows: list[list[page.Cell]] = [
        [names.search(name), value]
        for part in (report.index, report.latency)
        for name, value in part.items()
    ]
    return page.Section(
        "Index and latency",
        "Recall: the share of the exact nearest videos that the approximate index "
        "finds. Milliseconds are for one user, on the machine of the evaluation.",
        [page.Table(["measured", "value"], rows)],
    )


def protocol(report: report_model.Report) -> page.Section:
    """Returns every rule the numbers depend on, and the check for leaks."""
    values = report_model.to_dict(report)
    blocks: list[page.Block] = [*notes.leaks(report)]
    blocks.append(_rules(values["protocol"]))
    return page.Section(
        "Evaluation protocol",
        "Every rule that the numbers depend on. Compare them only with numbers "
        "measured under the same rules.",
        blocks,
    )


def _rules(values: Mapping[str, Any]) -> page.Table:
    """Returns the rules that apply, each with its meaning."""
    means = {
        f"{prefix}{name}": text
        for prefix, part in (
            ("", report_parts.Protocol),
            ("ranker.", report_parts.ImpressionRules),
            ("predictions.", report_parts.PredictionCounts),
        )
        for name, text in docstrings.attributes(part).items()
    }
    rows: list[list[page.Cell]] = [
        [name.replace("_", " "), _words(value), means[name]]
        for name, value in configs.flat(values).items()
        if value is not None
    ]
    return page.Table(["rule", "value", "what it says"], rows, words=(0, 1, 2))


def making(report: report_model.Report) -> page.Section:
    """Returns the settings and the environment."""
    made = report_model.to_dict(report)["made"]
    blocks: list[page.Block] = [_table("environment", made)]
    if report.config:
        blocks.append(
            page.Details(
                "All settings", [_table("setting", report.config, spaced=False)]
            )
        )
    return page.Section(
        "Settings and environment",
        "The same settings, seed and versions reproduce this run.",
        blocks,
    )


def _table(heading: str, values: Mapping[str, Any], spaced: bool = True) -> page.Table:
    rows = [
        [name.replace("_", " ") if spaced else name, _words(value)]
        for name, value in configs.flat(values).items()
    ]
    return page.Table([heading, "value"], rows, words=(0, 1))


def _words(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value) or "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return page.format_number(value)
    return None if value is None or value == "" else str(value)
