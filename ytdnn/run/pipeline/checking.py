"""Finds all mistakes and notes of an event log, without writing a prepared set.

`prepare` stops at the first mistake; here every kind of bad row is found, and the log
is prepared without them in a temporary directory for the notes.
"""

import dataclasses
import pathlib
import tempfile

from ytdnn.base import configs, errors


@dataclasses.dataclass(frozen=True)
class Findings:
    """The findings of a check.

    Attributes:
      mistakes: Errors that `prepare` would stop at, a line each.
      lines: Lines that it would end with: the table of columns, and the notes.
    """

    mistakes: list[str]
    lines: list[str]

    @property
    def notes(self) -> list[str]:
        """The lines that are notes."""
        return [line for line in self.lines if line.startswith("note: ")]


def check(config: configs.DataConfig) -> Findings:
    """Reads and checks an event log as `prepare` does, and keeps no output.

    Args:
      config: Settings of the log; `bad_rows` is ignored, notes leave bad rows out.
    """
    from ytdnn.evaluation import prepared_table
    from ytdnn.log import prepare, sources, validation

    try:
        mistakes = validation.findings(sources.read(config))
    except errors.SeveralError as error:
        return Findings(error.messages, [])
    except errors.UserError as error:
        return Findings([str(error)], [])
    if config.bad_rows == "drop":
        mistakes = []  # they are counted among the lines
    config = dataclasses.replace(config, bad_rows="drop")
    with tempfile.TemporaryDirectory() as place:
        try:
            prepared_set = prepare.prepare(config, pathlib.Path(place) / "data")
        except errors.UserError as error:
            return Findings([*mistakes, str(error)], [])
        return Findings(mistakes, prepared_table.lines(prepared_set))
