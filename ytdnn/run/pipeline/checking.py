"""Finds all mistakes and notes of an event log, without writing a prepared set.

`prepare` stops at the first mistake; here the log is prepared without bad rows in a
temporary directory, for the notes, and every kind of them is named.
"""

import dataclasses
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any

from ytdnn.base import configs, errors

if TYPE_CHECKING:
    from ytdnn.log import prepared


@dataclasses.dataclass(frozen=True)
class Findings:
    """The findings of a check.

    Attributes:
      mistakes: Errors that `prepare` would stop at, a line each.
      lines: Lines that it would end with: the table of columns, and the notes.
      numbers: See `numbers`.
    """

    mistakes: list[str]
    lines: list[str]
    numbers: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """The lines that are notes."""
        return [line for line in self.lines if line.startswith("note: ")]


def check(config: configs.DataConfig) -> Findings:
    """Reads and checks an event log as `prepare` does, and keeps no output.

    Args:
      config: Settings of the log; `bad_rows` is ignored, notes leave bad rows out.
    """
    from ytdnn.evaluation import prepare_summary
    from ytdnn.log import log_checks, log_warnings, prepare, sources

    mistakes: list[str] = []
    # Bad rows that are to be dropped are counted among the lines.
    collected = None if config.bad_rows == "drop" else mistakes
    dropping = dataclasses.replace(config, bad_rows="drop")
    with tempfile.TemporaryDirectory() as place:
        data = pathlib.Path(place) / "data"
        try:
            log = sources.read(config)
            prepared_set = prepare.from_log(dropping, log, data, {}, mistakes=collected)
        except errors.SeveralError as error:
            return Findings(error.messages, [], {})
        except errors.UserError as error:
            # That no watch is left says nothing new of what is a mistake in each row.
            is_new = not (mistakes and isinstance(error, log_checks.NoRowsLeftError))
            return Findings([*mistakes, *([str(error)] if is_new else [])], [], {})
        lines = prepare_summary.lines(prepared_set)
        lines += log_warnings.few_users(prepared_set.num_users)
        return Findings(mistakes, lines, numbers(prepared_set))


def numbers(data: "prepared.PreparedData") -> dict[str, Any]:
    """Returns the rows, columns, windows and counts of a prepared set."""
    from ytdnn.evaluation import prepare_summary

    return {"log": data.manifest.facts, "counts": prepare_summary.counts(data)}
