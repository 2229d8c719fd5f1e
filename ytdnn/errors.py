"""The exception that a user's mistake raises: a single line with advice."""

import difflib
import shlex
from collections.abc import Iterable


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns the one of some names that was probably meant, empty if unclear.

    Capitals and blanks around a name do not count.
    """
    plain = {one.strip().lower(): one for one in known}
    found = difflib.get_close_matches(name.strip().lower(), plain, 1, cutoff)
    return plain[found[0]] if found else ""


def one_line(text: str) -> str:
    """Returns text with line breaks and other control characters escaped."""
    return "".join(char if char.isprintable() else "�" for char in text)


def shell(word: str) -> str:
    """Returns a word of a command line as it is typed into a shell."""
    return shlex.quote(word)


class UserError(Exception):
    """A mistake that the user can correct.

    The message is one line: the expected and the received value with its place (table,
    row, column, file or flag), and advice. The command line prints it without a stack
    trace and exits with status 2.

    Attributes:
      problem: The message without the advice, where that is given apart.
    """

    # Keras would put the layer and its arguments around the line.
    _keras_call_info_injected = True

    def __init__(self, message: str, advice: str = "") -> None:
        """Joins a message and its advice, for callers that may advise otherwise."""
        self.problem = " ".join(message.split())
        whole = f"{self.problem}: {advice}" if advice else self.problem
        super().__init__(" ".join(whole.split()))


class SettingError(UserError, ValueError):
    """A component of the configuration was given a setting that it cannot have."""


LOST_STATUS = 75  # EX_TEMPFAIL: the same command may succeed
INTERRUPTED_STATUS = 130  # as of a shell, for Ctrl-C
INTERRUPTED = "interrupted: the same command goes on"


class LostProcessError(UserError):
    """A process of the cluster ended or never came: the same command goes on.

    The command line exits with `LOST_STATUS`, by which a supervisor knows that it can
    start the process again.
    """
