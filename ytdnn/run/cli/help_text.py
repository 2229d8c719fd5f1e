"""Formats `--help`: of the program, and of each command with all its settings."""

import textwrap
from collections.abc import Iterable
from typing import Any

from ytdnn import __version__
from ytdnn.base import configs
from ytdnn.run.cli import command as cli_command
from ytdnn.run.cli import settings_catalogue

_WIDTH = 88
_PICTURE = """\
  event log ─prepare─▶ data ─train─▶ candidates ─▶ index ─▶ ranking ─export─▶ bundle
                                    └────── evaluate ──────┘        recommend ◀┘"""
_SETTINGS = """\
Settings, each as --config.KEY=VALUE (shown: the default). Each kind
has its own settings, which start from their defaults if it is chosen:"""


def program(commands: Iterable[cli_command.Command]) -> str:
    """Returns the help of `ytdnn`."""
    lines = [
        f"ytdnn {__version__}: two-stage video recommendation",
        "",
        "Usage: ytdnn COMMAND --workdir=DIR [flags]",
        "",
        _PICTURE,
        "",
        "Commands:",
    ]
    for listed in commands:
        lines += [
            f"  {listed.name:<13} {listed.summary}",
            f"{'':16}{listed.examples[0]}",
        ]
    lines += ["", "ytdnn COMMAND --help lists a command's flags and settings."]
    return "\n".join(lines)


def command(one: cli_command.Command) -> str:
    """Returns the help of one command."""
    details = textwrap.fill(one.details, _WIDTH)
    lines = [f"ytdnn {one.name}: {one.summary}", "", details, "", "Examples:"]
    lines += [*(f"  {example}" for example in one.examples), "", "Flags:"]
    for flag in one.all_flags:
        value = "" if flag.is_switch else f"={_placeholder(flag)}"
        lines += _entry(f"--{flag.name}{value}", _flag_text(flag))
    if one.groups:
        lines += ["", _SETTINGS]
        settings_catalogue.load_kinds()
    for setting in settings_catalogue.listed():
        if not setting.kind and any(_belongs(setting.key, g) for g in one.groups):
            lines += _entry(f"{setting.key}={_default(setting)}", setting.text)
            lines += _kinds(setting.key)
    return "\n".join(lines)


def _default(setting: settings_catalogue.Setting) -> str:
    if setting.key in settings_catalogue.by_size():
        return "(chosen for the log)"
    return show(setting.default)


def _kinds(choice: str) -> list[str]:
    """Returns each kind of a choice with its settings; empty for other settings."""
    lines = []
    for kind, cls in configs.choices().get(choice, {}).items():
        summary = (cls.__doc__ or "").partition("\n")[0]
        lines += _entry(f"--config.{choice}={kind}", summary, indent=6)
        for setting in settings_catalogue.listed():
            if setting.kind == kind and _belongs(setting.key, choice):
                head = f"{setting.key}={show(setting.default)}"
                lines += _entry(head, setting.text, indent=10)
    return lines


def _belongs(key: str, group: str) -> bool:
    return key == group or key.startswith(f"{group}.")


def show(value: Any) -> str:
    """Returns a setting's value in the syntax of the command line."""
    if isinstance(value, tuple):
        pairs = (part if isinstance(part, tuple) else (part,) for part in value)
        return ",".join("=".join(map(str, pair)) for pair in pairs)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _placeholder(flag: cli_command.Flag) -> str:
    setting = settings_catalogue.catalogue().get(flag.key)
    return "|".join(setting.choices) if setting and setting.choices else flag.example


def _flag_text(flag: cli_command.Flag) -> str:
    if flag.required:
        return f"{flag.text} Required."
    if not flag.key:
        return flag.text
    text = flag.text or settings_catalogue.catalogue()[flag.key].text
    return f"{text} Fills config.{flag.key}."


def _entry(head: str, text: str, indent: int = 2) -> list[str]:
    space = " " * indent
    body = textwrap.wrap(text.replace("`", ""), _WIDTH - indent - 4)
    return [f"{space}{head}", *(f"{space}    {line}" for line in body)]
