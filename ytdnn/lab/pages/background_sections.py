"""Sections on a run's background: training, examples, protocol, config."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ytdnn.base import configs, docstrings, registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_parts, report_summary, report_types, tables
from ytdnn.lab.pages import display_names, page, plots

# A stage's other metrics say nearly the same.
_CURVES = ("loss", "hit_rate", "ndcg", "auc", "weighted_per_user_loss")
_MOST_SHOWN = 10
_TICK = "✓ "


@registries.REPORT_SECTIONS.register("making", place=90)
def sections(report: report_types.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    if report.examples:
        yield examples(report)
    if any(report.training.values()):
        yield training(report)
    if report.index or report.latency:
        yield search(report)
    yield protocol(report)
    yield making(report)


def examples(report: report_types.Report) -> page.Section:
    """Returns some users: history, the right answers, and the lists of the plots."""
    drawn, users = display_names.drawn(report), report.examples[::-1]
    blocks = [_user(one, drawn, is_open=one is users[0]) for one in users]
    return page.FoldedSection(
        "Example users",
        "The history of single users (most recent first), what they watched "
        "afterwards, and what each model recommends. Right recommendations are green "
        "and ticked. The users are evenly spaced in the order of recall, the highest "
        "first.",
        blocks,
    )


def _user(
    example: report_types.Example, models: Sequence[str], is_open: bool
) -> page.Details:
    facts = [f"{key} {_words(value)}" for key, value in example.facts.items()]
    lists = {tables.model_title(m): example.lists.get(m, ()) for m in models}
    columns: list[tuple[str, Sequence[report_types.ReportVideo], int]] = [
        ("watched before", example.history[::-1], example.history_length),
        ("watched afterwards", example.answers, example.num_answers),
        *((model, videos, len(videos)) for model, videos in lists.items()),
    ]
    right = [
        f"{model} {sum(video.is_answer for video in videos)}"
        for model, videos in lists.items()
        if videos
    ]
    words = ", ".join([f"User {example.user_id}", *facts])
    words += f". Right answers: {example.num_answers:,}; found: {', '.join(right)}."
    blocks = [[_videos(*column)] for column in columns if column[1]]
    return page.Details(words, [page.Columns(blocks)], open=is_open)


def _videos(
    heading: str, videos: Sequence[report_types.ReportVideo], number: int
) -> page.Table:
    """Returns the first videos of `number`, the right ones ticked."""
    shown = videos[:_MOST_SHOWN]
    right = [getattr(video, "is_answer", False) for video in shown]
    rows: list[list[page.Cell]] = [
        [_TICK * is_right + _title(video)]
        for is_right, video in zip(right, shown, strict=True)
    ]
    if number > len(shown):
        rows.append([f"and {number - len(shown):,} more"])
    return page.Table([heading], rows, marked=np.flatnonzero(right).tolist())


def _title(video: report_types.ReportVideo) -> str:
    title = video.title or f"video {video.video_id}"
    topic = str(video.topic or "")
    return title if topic.lower() in title.lower() else f"{title} ({topic})"


def training(report: report_types.Report) -> page.Section:
    """Returns the curves of each stage's training, of the metrics that tell most."""
    blocks: list[page.Block] = []
    for stage, record in report.training.items():
        for stem in _CURVES:
            series = {
                metric_names.title(name): plots.Series(record.epochs, values)
                for name, values in record.scalars.items()
                if metric_names.stem(name) == stem
            }
            if series:
                title = metric_names.title(stem)
                ticks = plots.epoch_ticks(record.epochs)
                name = f"{stage}: {title}"
                blocks.append(plots.lines(name, series, "epoch", title, x_ticks=ticks))
    return page.FoldedSection(
        "Training",
        "Loss on the training examples, and metrics on the validation data, after each "
        "epoch. The weights of the best epoch are kept; the last, where nothing was "
        "held out for validation. TensorBoard has all (WORKDIR/candidates/logs).",
        blocks,
    )


def search(report: report_types.Report) -> page.Section:
    """Returns the section on the recall and latency of the index."""
    rows: list[list[page.Cell]] = [
        [name.replace("_", " "), value]
        for part in (report.index, report.latency)
        for name, value in part.items()
    ]
    return page.FoldedSection(
        "Index and latency",
        "Recall: the share of the exact nearest videos that the approximate index "
        "finds. Milliseconds are for one user, on the machine of the evaluation.",
        [page.Table(["measured", "value"], rows)],
    )


def protocol(report: report_types.Report) -> page.Section:
    """Returns every rule the numbers depend on, and the check for leaks."""
    values = report_types.to_dict(report)
    return page.FoldedSection(
        "Evaluation protocol",
        "Every rule that the numbers depend on. Compare them only with numbers "
        "measured under the same rules.",
        [report_summary.leak_check(report), _rules(values["protocol"])],
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


def making(report: report_types.Report) -> page.Section:
    """Returns the settings and the environment."""
    origin = report_types.to_dict(report)["made"]
    blocks: list[page.Block] = [_table("environment", origin)]
    if report.config:
        settings = _table("setting", report.config, spaced=False)
        blocks.append(page.Details("All settings", [settings]))
    return page.FoldedSection(
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
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or tables.NONE
    return None if value is None or value == "" else tables.text(value)
