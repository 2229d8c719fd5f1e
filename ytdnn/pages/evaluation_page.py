"""The page of one evaluation: `report.html`, next to `report.json`."""

from ytdnn.evaluation import report_model
from ytdnn.pages import (
    described,
    feedback,
    listed,
    names,
    other_pages,
    page,
    ranked,
)


def render(report: report_model.Report) -> str:
    """Returns a report as one HTML page."""
    title = f"Evaluation of {report.name}" if report.name else "Evaluation"
    sections = [
        section
        for part in (listed, ranked, feedback, other_pages, described)
        for section in part.sections(report)
    ]
    return page.render(title, _summary(report), sections)


def _summary(report: report_model.Report) -> str:
    protocol = report.protocol
    measured = (model for model in report.lists if model not in names.PAGE_BOUNDS)
    models = ", ".join(map(names.model, measured))
    return (
        f"Offline evaluation of {models} on {protocol.users:,} users with "
        f"right answers; {protocol.candidate_set_videos:,} videos may be listed. "
        f"Data: {protocol.source}. Protocol: {protocol.name}, {protocol.split} split."
    )
