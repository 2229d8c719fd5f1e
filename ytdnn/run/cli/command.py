"""Commands: their flags, help and implementation, and the reader of a command line.

A flag of a command is either a value of its own (`--workdir`) or an alias of settings
(`--source` for `--config.data.source`), never both.
"""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence

from ytdnn.base import errors, registries, user_paths
from ytdnn.run.cli import given_settings, settings_catalogue

_PATH = re.compile(r"\b(DIR|FILE|PATH)\b")
_CONFIG = "config."
_SWITCH = {"true": "True", "1": "True", "false": "False", "0": "False"}


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag of a command.

    Attributes:
      name: Name without dashes.
      text: Help text.
      key: Setting that it is an alias of; empty: none.
      example: Placeholder of its value in `--help`.
      required: Whether the command needs it.
      is_switch: Whether it takes no value.
      fills: For an alias of several settings: function from its value to the text of
        each setting.
    """

    name: str
    text: str = ""
    key: str = ""
    example: str = "VALUE"
    required: bool = False
    is_switch: bool = False
    fills: Callable[[str], dict[str, str]] | None = None

    def read(self, value: str) -> str:
        """Returns the value for the command; a leading `~` of a path is expanded.

        Raises:
          errors.UserError: It is empty, or no value of a switch.
        """
        if self.is_switch and value.lower() not in _SWITCH:
            raise errors.UserError(
                f"expected --{self.name} to be true or false, received {value!r}"
            )
        if self.is_switch:
            return _SWITCH[value.lower()]
        if not value and not self.key and not self.fills:
            raise errors.UserError(
                f"expected --{self.name}={self.example}, received an empty text"
            )
        return user_paths.text(value) if _PATH.search(self.example) else value

    def settings(self, value: str) -> dict[str, str]:
        """Returns the text of each setting that the flag is an alias of.

        Args:
          value: Value as typed.
        """
        if self.fills is not None:
            return self.fills(value)
        return {self.key: value} if self.key else {}


JSON = Flag(
    "json",
    "Print one JSON document on standard output, all else on standard error.",
    is_switch=True,
)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The parsed command line.

    Attributes:
      values: Value of each flag that is no setting, and of each operand.
      overrides: Text of each given setting, by its key.
      rest: Arguments after `--`, for a command that takes another command.
    """

    values: dict[str, str]
    overrides: dict[str, str]
    rest: tuple[str, ...] = ()


_Run = Callable[[Arguments], int | None]


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
      name: Name as typed, one word or two.
      summary: One line.
      details: A paragraph of help.
      examples: Command lines; the first is shown in `ytdnn --help`.
      flags: Its own flags.
      groups: Prefixes of the settings that it reads, for its help.
      run: Function that runs it; returns the exit status, None for 0.
      operands: Names of positional arguments.
      takes_command: Whether another command follows after `--`.
    """

    name: str
    summary: str
    details: str
    examples: tuple[str, ...]
    flags: tuple[Flag, ...]
    groups: tuple[str, ...]
    run: _Run
    operands: tuple[str, ...] = ()
    takes_command: bool = False

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Its flags, and those of every command."""
        return (*self.flags, JSON)


def from_function(
    name: str,
    run: _Run,
    flags: tuple[Flag, ...],
    groups: tuple[str, ...] = (),
    operands: tuple[str, ...] = (),
    takes_command: bool = False,
) -> Command:
    """Returns the command of a function whose docstring is the help.

    The first line is the summary, the next paragraph the details; the section
    `Examples:` has command lines.
    """
    summary, _, rest = (inspect.getdoc(run) or "").partition("\n\n")
    details, _, examples = rest.partition("\n\nExamples:\n")
    lines = examples.partition("\n\n")[0].splitlines()
    return Command(
        name,
        summary[0].lower() + summary[1:].rstrip("."),
        " ".join(details.split()),
        tuple(line.strip() for line in lines),
        flags,
        groups,
        run,
        operands,
        takes_command,
    )


def register(
    name: str,
    flags: tuple[Flag, ...],
    groups: tuple[str, ...] = (),
    takes_command: bool = False,
) -> Callable[[_Run], _Run]:
    """Returns a decorator that registers a function as a command.

    See `from_function`.
    """

    def add(run: _Run) -> _Run:
        @registries.COMMANDS.register(name)
        @functools.wraps(run)
        def make() -> Command:
            return from_function(name, run, flags, groups, (), takes_command)

        return run

    return add


def parse(
    command: str,
    table: Sequence[Flag],
    argv: Sequence[str],
    operands: Sequence[str] = (),
) -> Arguments:
    """Returns the flags given to a command.

    Args:
      command: Name of the command, for errors.
      table: Flags of the command.
      argv: Arguments after its name.
      operands: Names of positional arguments, all required.

    Raises:
      errors.UserError: An unknown flag, a missing value, too many or too few operands,
        or a required flag that is not given.
    """
    flags = {flag.name: flag for flag in table}
    given, plain = _read(command, flags, argv)
    if len(plain) > len(operands):
        raise errors.UserError(
            f"expected flags as --NAME=VALUE, received {plain[len(operands)]!r} "
            f"(ytdnn {command} --help)"
        )
    if len(plain) < len(operands):
        raise errors.UserError(
            f"expected ytdnn {command} {' '.join(operands)}, received "
            f"{len(plain)} of them (ytdnn {command} --help)"
        )
    values = dict(zip(operands, plain, strict=True))
    overrides = {k.removeprefix(_CONFIG): v for k, v in given.items() if k not in flags}
    for key in overrides:
        given_settings.require_setting(key)
    for name, flag in flags.items():
        if flag.required and name not in given:
            raise not_given(flag, command)
        if name not in given:
            continue
        value = flag.read(given[name])
        filled = flag.settings(value)
        for key in overrides.keys() & filled:
            raise errors.UserError(
                f"--{name} and --config.{key} are one setting: give one of them"
            )
        overrides |= filled
        if not filled:
            values[name] = value
    return Arguments(values, overrides)


def _read(
    command: str, flags: Mapping[str, Flag], argv: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Returns the text of each flag and setting, and the operands."""
    given: dict[str, str] = {}
    operands: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        positive = name if name in flags else name.removeprefix("no")
        if not equals and _is_switch(flags, positive):
            name, value = positive, str(name == positive)
        elif name not in flags and not name.startswith(_CONFIG):
            hint = given_settings.closest(name, [*flags], "--")
            raise errors.UserError(
                f"ytdnn {command} has no flag --{name}{hint} (ytdnn {command} --help)"
            )
        elif not equals:
            value = next(words, "")
            if not value or value.startswith("--"):
                raise errors.UserError(
                    f"expected a value after {word}, received {value or 'none'} "
                    f"(ytdnn {command} --help)"
                )
        if name in flags and given.get(name, value) != value:
            both = f"{given[name]!r} and {value!r}: leave one out"
            raise errors.UserError(f"expected --{name} once, received {both}")
        given[name] = value
    return given, operands


def _is_switch(flags: Mapping[str, Flag], name: str) -> bool:
    if name in flags:
        return flags[name].is_switch
    setting = settings_catalogue.catalogue().get(name.removeprefix(_CONFIG))
    return name.startswith(_CONFIG) and setting is not None and setting.is_switch


def require_text(argv: Sequence[str]) -> None:
    """Checks that the bytes of a command line are UTF-8.

    Raises:
      errors.UserError: Some bytes are not.
    """
    for argument in argv:
        if any("\ud800" <= char <= "\udfff" for char in argument):
            raise errors.UserError(
                f"expected arguments in UTF-8, received {argument!a}"
            )


def not_given(flag: Flag, command: str) -> errors.UserError:
    """Returns the error about a missing flag."""
    return errors.UserError(
        f"expected --{flag.name}={flag.example}, received none (ytdnn {command} --help)"
    )


def choice(
    given: Arguments, name: str, choices: Sequence[str], default: str = ""
) -> str:
    """Returns the value of a flag with a few accepted values.

    Args:
      given: Parsed command line.
      name: Name of the flag.
      choices: Accepted values.
      default: Value without the flag.

    Raises:
      errors.UserError: The value is not accepted.
    """
    value = given.values.get(name)
    if value is None:
        return default
    if value not in choices:
        raise errors.UserError(
            f"expected --{name} to be one of {', '.join(choices)}, received {value}"
        )
    return value


def whole(name: str, text: str) -> int:
    """Returns the value of a flag that is a whole number of at least 1.

    Raises:
      errors.UserError: It is none.
    """
    if not (text.isdecimal() and text.isascii()) or not 0 < int(text) < 2**31:
        raise errors.UserError(
            f"expected --{name} to be a whole number of at least 1, received {text!r}"
        )
    return int(text)
