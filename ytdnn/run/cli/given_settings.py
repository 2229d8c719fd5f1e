"""Settings of a command line, from their texts: `a,b` is a tuple."""

import difflib
import functools
import operator
import re
from typing import Any

import pydantic

from ytdnn.base import configs, errors, registry
from ytdnn.base.configs import setting_types, wording
from ytdnn.run.cli import settings_catalogue
from ytdnn.run.pipeline import workdir

_ORIGIN = "on the command line"
# Names of files and columns may hold commas.
_BETWEEN = {
    "data.columns": re.compile(r",(?=\s*\w+\.\w+=)"),
    "data.files": re.compile(r",(?=\s*\w+=)"),
}


def apply(config: configs.Config, overrides: dict[str, str]) -> configs.Config:
    """Returns the config with settings replaced by the values of their texts.

    Choices are applied first, in any order of flags: a new kind begins with its
    defaults, and the other settings belong to the chosen kinds.

    Raises:
      errors.UserError: A text is no value of its setting, or the chosen kind does not
        have the setting.
    """
    if not overrides:
        return config
    plain = configs.to_dict(configs.with_own(config, overrides))
    kinds = configs.choices()
    for key in sorted(overrides, key=lambda key: key not in kinds):
        part, name = _place(plain, key)
        if key in kinds:
            part[name] = _choice(key, overrides[key], part[name])
        else:
            part[name] = _value(key, overrides[key])
    return workdir.validated(plain, _ORIGIN)


def _place(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """Returns the nested dict with a setting, and the setting's name in it."""
    path, _, name = key.rpartition(".")
    part = functools.reduce(operator.getitem, path.split(".") if path else [], values)
    if name not in part:
        raise errors.UserError(wording.not_of_kind(path, part[configs.KIND], name))
    return part, name


def _choice(path: str, kind: str, before: dict[str, Any]) -> dict[str, Any]:
    """Returns a choice, of its defaults if it is of another kind than before."""
    known = configs.choices()[path]
    if kind not in known:
        raise errors.UserError(
            f"expected config.{path} to be one of {', '.join(known.names())}, received "
            f"{kind!r} ({_ORIGIN})"
        )
    return before if before[configs.KIND] == kind else configs.to_dict(known[kind]())


def _value(key: str, text: str) -> Any:
    """Returns the value of a setting from its text."""
    setting = settings_catalogue.catalogue()[key]
    value: Any = text
    if isinstance(setting.default, tuple):
        value = entries(key, text)
        if key == "composition.sources":  # such as fresh_uploads=0.2,popular=0.1
            value = [part.partition("=")[::2] for part in value]
    try:
        return pydantic.TypeAdapter(setting.annotation).validate_python(value)
    except pydantic.ValidationError as error:
        line = wording.describe_value(f"config.{key}", error)
        raise errors.UserError(f"{line} ({_ORIGIN})") from None


def entries(key: str, value: str) -> list[str]:
    """Returns the members of a tuple; names of files and columns may hold commas.

    Args:
      key: Name of the setting.
      value: Value as typed.
    """
    if key in _BETWEEN:
        return [part for part in _BETWEEN[key].split(value) if part.strip()]
    plain = re.sub(r"^[(\[]|[)\]]$", "", value)  # (1,2) as in Python
    return [part.strip(" '\"") for part in plain.split(",") if part.strip()]


def extend(files: str) -> None:
    """Registers the parts of the files that the setting `extensions` names."""
    for file in entries("extensions", files):
        registry.extend(file)


def require_setting(key: str, place: str = "") -> None:
    """Checks that there is a setting, which may be one of a registered part.

    Args:
      key: Its name.
      place: Words for where it was read, for the error.

    Raises:
      errors.UserError: There is none.
    """
    path, _, last = key.rpartition(".")
    if key not in settings_catalogue.catalogue() and path in configs.choices():
        configs.choices()[path].load()
    known = settings_catalogue.catalogue()
    if key in known:
        return
    if path in configs.choices() and last == configs.KIND:
        raise errors.UserError(
            f"there is no setting config.{key}: choose by --config.{path}=KIND, one of "
            f"{', '.join(known[path].choices)}"
        )
    if any(name.startswith(f"{key}.") for name in known):
        raise errors.UserError(
            f"expected a single setting, received the group --config.{key}: set its "
            f"members, as --config.{key}.NAME=VALUE"
        )
    hint = closest(key, list(known), "--config.")
    raise errors.UserError(
        setting_types.about_constant(key)
        or f"there is no setting config.{key}{hint}{place} (ytdnn run --help lists all)"
    )


def closest(name: str, known: list[str], dashes: str = "") -> str:
    """Returns a hint with the most similar name, empty without one."""
    last = name.rpartition(".")[2]
    same_end = [key for key in known if key.rpartition(".")[2] == last]
    close = same_end[:2] or difflib.get_close_matches(name, known, n=1)
    return f": did you mean {' or '.join(dashes + c for c in close)}?" if close else ""
