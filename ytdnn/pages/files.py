"""The files of a report that are for people: the page and TensorBoard's scalars."""

import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn import artifacts
from ytdnn.pages import evaluation_page, tensorboard


def write(report: Mapping[str, Any], directory: pathlib.Path, stem: str) -> None:
    """Writes `STEM.html`, and the scalars below `logs/STEM`.

    Args:
      report: As `evaluate` returns it.
      directory: Of the run, or wherever its numbers are written.
      stem: `evaluation`, or what the split has instead.
    """
    directory = directory.resolve()
    page = evaluation_page.render(report, directory.name)
    artifacts.write_text(directory / f"{stem}.html", page)
    tensorboard.write(report, directory / artifacts.LOGS / stem)
