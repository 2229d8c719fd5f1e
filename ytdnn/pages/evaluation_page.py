"""The page of one evaluation: `report.html` beside `report.json`."""

from collections.abc import Mapping
from typing import Any

from ytdnn.pages import described, listed, names, page, ranked


def render(report: Mapping[str, Any], name: str = "") -> str:
    """Returns a report as one HTML page.

    Args:
      report: As `evaluate` returns it.
      name: Of the run, for the title.
    """
    title = f"Evaluation of {name}" if name else "Evaluation"
    sections = [
        section
        for part in (listed, ranked, described)
        for section in part.sections(report)
    ]
    return page.render(title, _summary(report), sections)


def _summary(report: Mapping[str, Any]) -> str:
    protocol = report["protocol"]
    models = ", ".join(names.model(model) for model in report["lists"])
    words = f"Offline evaluation of {models}"
    if "users" in protocol:
        words += (
            f". {protocol['users']:,} users were asked, and "
            f"{protocol['videos']:,} videos are known to the models"
        )
    source = f" Data: {protocol['source']}." if protocol.get("source") else ""
    return f"{words}.{source} Protocol: {protocol['name']}, {protocol['split']} split."
