"""Sections on a run's background: training, examples, protocol, config."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ytdnn.base import configs, registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import docstrings, findings, report_model, report_parts, tables
from ytdnn.lab.pages import page, plots

# A stage's other metrics say nearly the same.
_CURVES = ("loss", "hit_rate", "ndcg", "auc", "weighted_per_user_loss")
_MOST_SHOWN = 10
_TICK = "✓ "


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


def _user(example: report_model.Example, is_open: bool) -> page.Details:
    facts = [f"{key} {_words(value)}" for key, value in example.facts.items()]
    history, answers = example.history[::-1], example.answers
    columns: list[list[page.Block]] = [
        [_videos("watched before", history, example.history_length)]
    ]
    right = []
    for model, videos in example.lists.items():
        columns.append([_videos(tables.model_title(model), videos, len(videos))])
        num_answers = sum(video.is_answer for video in videos)
        right.append(f"{tables.model_title(model)} {num_answers}")
    columns.append([_videos("watched afterwards", answers, example.num_answers)])
    words = ", ".join([f"User {example.user_id}", *facts])
    words += f". Right answers: {example.num_answers:,}; found: {', '.join(right)}."
    return page.Details(words, [page.Columns(columns)], open=is_open)


def _videos(
    heading: str, videos: Sequence[report_model.ReportVideo], number: int
) -> page.Table:
    """Returns the first videos of `number`, the right ones ticked."""
    shown = videos[:_MOST_SHOWN]
    answers = [
        place for place, video in enumerate(shown) if getattr(video, "is_answer", False)
    ]
    rows: list[list[page.Cell]] = [
        [(_TICK if place in answers else "") + _title(video)]
        for place, video in enumerate(shown)
    ]
    if number > len(shown):
        rows.append([f"and {number - len(shown):,} more"])
    return page.Table([heading], rows, marked=answers)


def _title(video: report_model.ReportVideo) -> str:
    title = video.title or f"video {video.video_id}"
    topic = str(video.topic or "")
    return title if topic.lower() in title.lower() else f"{title} ({topic})"


def training(report: report_model.Report) -> page.Section:
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
                blocks.append(
                    plots.lines(
                        f"{stage}: {title}", series, "epoch", title, x_ticks=ticks
                    )
                )
    return page.Section(
        "Training",
        "Loss on the training examples, and metrics on the validation data, after each "
        "epoch. The weights of the best epoch are kept; the last, where nothing was "
        "held out for validation. TensorBoard has all (WORKDIR/candidates/logs).",
        blocks,
    )


def search(report: report_model.Report) -> page.Section:
    """Returns the section on the recall and latency of the index."""
    rows: list[list[page.Cell]] = [
        [name.replace("_", " "), value]
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
    return page.Section(
        "Evaluation protocol",
        "Every rule that the numbers depend on. Compare them only with numbers "
        "measured under the same rules.",
        [findings.leak_check(report), _rules(values["protocol"])],
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
    origin = report_model.to_dict(report)["made"]
    blocks: list[page.Block] = [_table("environment", origin)]
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
        return tables.format_number(value)
    return None if value is None or value == "" else str(value)
