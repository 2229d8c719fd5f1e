"""The page of one evaluation: `report.html`, next to `report.json`."""

import pathlib

from ytdnn.base import artifacts, registries
from ytdnn.evaluation import report_files, report_model
from ytdnn.evaluation.terminal import names
from ytdnn.lab.pages import headline, page


@registries.HOOKS.register("page")
def write(report: report_model.Report, directory: pathlib.Path) -> None:
    """Writes the page of a report into the directory of an evaluation."""
    artifacts.write_text(directory / report_files.PAGE, render(report))


def render(report: report_model.Report) -> str:
    """Returns a report as one HTML page."""
    title = f"Evaluation of {report.name}" if report.name else "Evaluation"
    parts = sorted(registries.REPORT_SECTIONS.parts(), key=lambda part: part.place)
    sections = [section for part in parts for section in part.make(report)]
    return page.render(title, _summary(report), sections, headline.sentence(report))


def _summary(report: report_model.Report) -> str:
    protocol = report.protocol
    measured = (model for model in report.lists if model not in names.PAGE_BOUNDS)
    models = ", ".join(map(names.model, measured))
    return (
        f"Offline evaluation of {models} on {protocol.users:,} users with "
        f"right answers; {protocol.candidate_set_videos:,} videos may be listed. "
        f"Data: {protocol.source}. Protocol: {protocol.name}, {protocol.split} split."
    )
