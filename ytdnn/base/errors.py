"""The exceptions about mistakes of users: a single line with advice."""

import difflib
import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns the most similar of some names; empty if none is similar.

    Case, and blanks around a name, are ignored.
    """
    plain = {each.strip().lower(): each for each in known}
    matches = difflib.get_close_matches(name.strip().lower(), plain, 1, cutoff)
    return plain[matches[0]] if matches else ""


def hint(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns `: did you mean NAME?`, to end a message; empty if no name is similar.

    >>> hint("wacthes", ["videos", "watches"])
    ': did you mean watches?'
    """
    close = closest(name, known, cutoff)
    return f": did you mean {close}?" if close else ""


def one_line(text: str) -> str:
    """Returns text with line breaks and other control characters escaped."""
    return "".join(char if char.isprintable() else "�" for char in text)


def shown(value: Any, most: int = 60) -> str:
    """Returns a value as JSON on one line, of at most so many characters."""
    text = one_line(json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shell(word: str) -> str:
    """Returns a word quoted for a shell."""
    return shlex.quote(word)


class UserError(Exception):
    """A mistake that the user can correct.

    The message is one line: the expected and the received value with its place (table,
    row, column, file or flag), and advice. The command line prints it without a stack
    trace and exits with status 2.

    Attributes:
      problem: The message without the advice, if that is a separate argument.
    """

    # Keras would put the layer and its arguments around the line.
    _keras_call_info_injected = True

    def __init__(self, message: str, advice: str = "") -> None:
        """Joins a message and its advice; callers may replace the advice."""
        self.problem = " ".join(message.split())
        whole = f"{self.problem}: {advice}" if advice else self.problem
        super().__init__(" ".join(whole.split()))


def require_known(
    given: Iterable[str], known: Sequence[str], noun: str, where: str
) -> None:
    """Checks that all given names are known.

    Args:
      given: Names to check.
      known: Known names.
      noun: Noun of the names in the plural, for the message.
      where: Place of the names, for the message.

    Raises:
      UserError: One is not known.
    """
    for name in given:
        if name not in known:
            raise UserError(
                f"expected {noun} of {', '.join(known)} in {where}, received "
                f"{one_line(str(name))[:40]!r}{hint(str(name), known, cutoff=0.5)}"
            )


def require(fits: bool, name: str, expected: str, value: Any) -> None:
    """Checks a value of a request's body.

    Args:
      fits: Whether it is valid.
      name: Its key.
      expected: What a valid value is.
      value: The value as JSON, in which a text is distinct from its number.

    Raises:
      UserError: It is not valid.
    """
    if not fits:
        received = "none: it is missing" if value is None else shown(value)
        raise UserError(f"expected {name} to be {expected}, received {received}")


class SeveralError(UserError):
    """Several mistakes that were found at once.

    The message is that of the first.

    Attributes:
      messages: Message of each mistake.
    """

    def __init__(self, mistakes: Sequence[UserError]) -> None:
        """Takes the message of the first mistake."""
        super().__init__(str(mistakes[0]))
        self.messages = [str(each) for each in mistakes]


class BusyError(UserError):
    """Another process works on the same directory; a later try may succeed."""


class SettingError(UserError, ValueError):
    """A setting of a component is invalid."""


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object of JSON, for `json.loads(…, object_pairs_hook=unique_keys)`.

    Raises:
      SettingError: A key occurs twice.
    """
    unique = dict(pairs)
    if len(unique) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = json.dumps(twice, ensure_ascii=not twice.isprintable())[:60]
        raise SettingError(
            f"expected each key once, received {shown} twice: leave one out"
        )
    return unique


LOST_STATUS = 75  # EX_TEMPFAIL: the same command may succeed
INTERRUPTED_STATUS = 130  # as of a shell, for Ctrl-C
INTERRUPTED = "interrupted: the same command goes on"


class LostProcessError(UserError):
    """A process of the cluster, or an object store, was lost; a later try may succeed.

    The command line exits with `LOST_STATUS`, which tells a supervisor that it can
    start the process again.
    """
