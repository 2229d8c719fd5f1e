"""The page of one evaluation: `report.html`, next to `report.json`."""

import pathlib
from collections.abc import Iterable

from ytdnn.base import artifacts, registries
from ytdnn.evaluation import report_files, report_summary, report_types
from ytdnn.lab.pages import page


@registries.HOOKS.register("page")
def write(report: report_types.Report, directory: pathlib.Path) -> None:
    """Writes the page of a report into the directory of an evaluation."""
    artifacts.write_text(directory / report_files.PAGE, render(report))


def render(report: report_types.Report) -> str:
    """Returns a report as one HTML page."""
    title = f"Evaluation of {report.name}" if report.name else "Evaluation"
    title += f", {report.made.time[:16].replace('T', ' ')} UTC"
    parts = sorted(registries.REPORT_SECTIONS.parts(), key=lambda part: part.place)
    sections, require = [], registries.REPORT_SECTIONS.require
    for part in parts:
        made = part.make(report)
        own = list(made) if isinstance(made, Iterable) else [made]
        wrong = [each for each in own if not isinstance(each, page.Section)]
        require(not wrong, "sections of the page", f"{wrong[:1]}", part.name)
        sections += own
    lines = report_summary.request_headline(report), report_summary.headline(report)
    return page.render(title, _summary(report), sections, " ".join(filter(None, lines)))


def _summary(report: report_types.Report) -> str:
    rules = report.protocol
    return (
        f"Offline evaluation on {rules.users:,} users with right answers; "
        f"{rules.candidate_set_videos:,} videos may be listed. Data: {rules.source}. "
        f"Protocol: {rules.name}, {rules.split} split."
    )
