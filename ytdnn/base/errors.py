"""The exceptions about mistakes of users: a single line with advice; and checks."""

import difflib
import functools
import inspect
import json
import shlex
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


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


def kind_of(value: Any) -> str:
    """Returns a value of a user's own code in a few words, for a message.

    >>> kind_of(None), kind_of([1]), kind_of("a")
    ('None', 'a list', "'a'")
    """
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{getattr(value.dtype, 'name', value.dtype)} {value.shape}"
    is_plain = value is None or isinstance(value, str | int | float)
    return one_line(repr(value))[:60] if is_plain else f"a {type(value).__name__}"


def place(source: Any) -> str:
    """Returns " (FILE, line 3)" of a function, class or object; empty if unknown."""
    cls = source if isinstance(source, type) else type(source)
    parts = map(inspect.unwrap, (source, *vars(cls).values()))
    codes = [part.__code__ for part in parts if hasattr(part, "__code__")]
    return f" ({codes[0].co_filename}, line {codes[0].co_firstlineno})" if codes else ""


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


@functools.cache
def checked(function: _F) -> _F:
    """Returns a function that refuses arguments of other types than it declares.

    Of a class, its public methods do. What is annotated as `Any` is left to the
    function, and so is what lists and dicts hold. The function raises
    `UserError`.
    """
    if isinstance(function, type):
        for name, member in list(vars(function).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(function, name, checked(member))
        return function
    expected = {n: _types(each) for n, each in function.__annotations__.items()}
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        for name, value in [*zip(names, given, strict=False), *named.items()]:
            if (fitting := expected.get(name)) and not _fits(value, fitting):
                words = " or ".join(getattr(each, "__name__", each) for each in fitting)
                place = f"{name} of {function.__qualname__}()"
                require(False, place, words.replace("NoneType", "None"), value)
        return function(*given, **named)

    if "." not in function.__qualname__:
        call.__module__ = "ytdnn"  # where pickle finds it
    return call  # type: ignore[return-value]


def _types(annotation: Any) -> tuple[Any, ...]:
    """Returns the types, or the name of a class, that is expected; none: any value."""
    if isinstance(annotation, str):
        name = annotation.rpartition(".")[2]
        return (name,) * name.isidentifier()
    is_union = isinstance(annotation, types.UnionType)
    parts = typing.get_args(annotation) if is_union else (annotation,)
    plain = tuple(typing.get_origin(part) or part for part in parts)
    is_known = all(isinstance(each, type) and each is not Any for each in plain)
    return plain if is_known else ()


def _fits(value: Any, expected: tuple[Any, ...]) -> bool:
    """Whether a value, or a scalar of NumPy, is of one of some types."""
    if isinstance(expected[0], str):
        return expected[0] in (each.__name__ for each in type(value).__mro__)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) and int in expected:
        return bool in expected
    return isinstance(value, expected + (int,) * (float in expected))


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
# Signals to end that this process has received. An interrupt may end in another
# exception: code in C that calls Python drops it and fails.
SIGNALS: list[int] = []


class LostProcessError(UserError):
    """A process of the cluster, or an object store, was lost; a later try may succeed.

    The command line exits with `LOST_STATUS`, which tells a supervisor that it can
    start the process again.
    """
