"""Parses a command's flags with absl and fills the config with them.

A flag of a command is either a value of its own (`--workdir`) or an alias of settings
(`--source` for `--config.data.source`), never both.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable, Sequence

from absl import flags

from ytdnn.base import configs, errors, own_files, user_paths
from ytdnn.base.configs import constants, problems
from ytdnn.run.cli import given_settings, settings

_OVERRIDE = re.compile(r"--?(?P<no>no)?config\.(?P<key>[^=]+)(=(?P<value>.*))?", re.S)

_PATH = re.compile(r"\b(DIR|FILE|PATH)\b")


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
        """Returns the value for the command; a leading `~` of a path is expanded."""
        is_path = _PATH.search(self.example) is not None
        return user_paths.text(value) if is_path else value

    def settings(self, value: str) -> dict[str, str]:
        """Returns the text of each setting that the flag is an alias of.

        Args:
          value: Value as typed.
        """
        if self.fills is not None:
            return self.fills(value)
        return {self.key: value} if self.key else {}


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
      errors.UserError: An unknown or repeated flag, a missing value, too many or too
        few operands, or a required flag that is not given.
    """
    defined = flags.FlagValues()
    defined.set_gnu_getopt(True)
    for flag in table:
        define = flags.DEFINE_bool if flag.is_switch else flags.DEFINE_string
        define(flag.name, None, flag.text, flag_values=defined)
    try:
        rest = defined([command, *argv], known_only=True)[1:]
    except flags.Error as error:
        raise errors.UserError(f"{error} (ytdnn {command} --help)") from None
    given = {
        f.name: f.read(str(defined[f.name].value))
        for f in table
        if defined[f.name].present
    }
    for flag in table:
        if not flag.key and not flag.fills and given.get(flag.name) == "":
            raise errors.UserError(
                f"expected --{flag.name}={flag.example}, received an empty text"
            )
    _extend(rest)
    overrides, plain = _read_overrides(command, table, rest, len(operands))
    if len(plain) < len(operands):
        raise errors.UserError(
            f"expected ytdnn {command} {' '.join(operands)}, received "
            f"{len(plain)} of them (ytdnn {command} --help)"
        )
    given |= dict(zip(operands, plain, strict=True))
    for flag in table:
        if flag.required and flag.name not in given:
            raise not_given(flag, command)
        if (flag.key or flag.fills) and flag.name in given:
            _add_alias(flag, given.pop(flag.name), overrides)
    return Arguments(given, overrides)


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


def _extend(rest: Sequence[str]) -> None:
    """Registers the parts of the files named by `--config.extensions`.

    This comes first: other arguments may be settings of these parts.
    """
    prefix = "config.extensions="
    for argument in rest:
        if argument.lstrip("-").startswith(prefix):
            for file in given_settings.entries(
                "extensions", argument.partition("=")[2]
            ):
                own_files.extend(file)


def _add_alias(flag: Flag, value: str, overrides: dict[str, str]) -> None:
    for key, text in flag.settings(value).items():
        if key in overrides:
            raise errors.UserError(
                f"--{flag.name} and --config.{key} are one setting: give one of them"
            )
        overrides[key] = text


def _read_overrides(
    command: str, table: Sequence[Flag], rest: Sequence[str], num_operands: int
) -> tuple[dict[str, str], list[str]]:
    """Returns the given settings, and the operands."""
    overrides: dict[str, str] = {}
    operands: list[str] = []
    remaining = list(rest)
    while remaining:
        argument = remaining.pop(0)
        match = _OVERRIDE.fullmatch(argument)
        if argument[:1] != "-" and len(operands) < num_operands:
            operands.append(argument)
            continue
        if match is None:
            raise _unknown(command, table, argument)
        key, value = match["key"], match["value"]
        if constants.is_value(key, value) and key not in settings.catalogue():
            continue
        key = _known_key(key, argument)
        if value is None and settings.catalogue()[key].is_switch:
            value = "false" if match["no"] else "true"
        elif value is None:
            if not remaining:
                raise errors.UserError(f"expected a value after {argument}: none given")
            value = remaining.pop(0)
        overrides[key] = value
    return overrides, operands


def _known_key(key: str, argument: str) -> str:
    path, _, last = key.rpartition(".")
    if key not in settings.catalogue() and path in configs.choices():
        configs.choices()[path].load()
    known = settings.catalogue()
    if key in known:
        return key
    if path in configs.choices() and last == configs.KIND:
        raise errors.UserError(
            f"there is no setting config.{key}: choose by --config.{path}=KIND, one of "
            f"{', '.join(known[path].choices)}"
        )
    if any(name.startswith(f"{key}.") for name in known):
        raise errors.UserError(
            f"expected a single setting, received the group {argument}: set its "
            f"members, as --config.{key}.NAME=VALUE"
        )
    if key in problems.MOVED:
        raise errors.UserError(problems.moved(key))
    if key in constants.by_path():
        value = constants.by_path()[key]
        raise errors.UserError(constants.message(f"config.{key}", value))
    hint = closest(key, list(known), "--config.")
    raise errors.UserError(
        f"there is no setting config.{key}{hint} (ytdnn run --help lists all)"
    )


def _unknown(command: str, table: Sequence[Flag], argument: str) -> errors.UserError:
    if not argument.startswith("-"):
        return errors.UserError(
            f"expected flags as --NAME=VALUE, received {argument!r} "
            f"(ytdnn {command} --help)"
        )
    name = argument.lstrip("-").partition("=")[0]
    hint = closest(name, [flag.name for flag in table], "--")
    return errors.UserError(
        f"ytdnn {command} has no flag --{name}{hint} (ytdnn {command} --help)"
    )


def closest(name: str, known: list[str], dashes: str = "") -> str:
    """Returns a hint with the most similar name, empty without one."""
    last = name.rpartition(".")[2]
    same_end = [key for key in known if key.rpartition(".")[2] == last]
    close = same_end[:2] or difflib.get_close_matches(name, known, n=1)
    return f": did you mean {' or '.join(dashes + c for c in close)}?" if close else ""


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
