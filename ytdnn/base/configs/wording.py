"""Pydantic's list of problems as one line, by the names of settings that users know."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pydantic

from ytdnn.base import configs
from ytdnn.base.configs import run, setting_types

_MOST_PROBLEMS = 3
_WORDS = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
}


def describe(error: pydantic.ValidationError) -> str:
    """Returns pydantic's list of problems as one line."""
    problems = _causes(error.errors())
    phrases = [_phrase(error.title, one) for one in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        phrases.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(phrases)


def describe_value(key: str, error: pydantic.ValidationError) -> str:
    """Returns the problems of the value of one setting as one line.

    Args:
      key: Path of the setting.
      error: Problems of the value, one for each type that it may have.
    """
    problems = _causes(error.errors())
    first = problems[0]
    if first["type"] == "value_error":
        return f"{key}: {_expected(first)}"
    place = [str(part) for part in first["loc"] if isinstance(part, int)]
    expected = " or ".join(dict.fromkeys(map(_expected, problems)))
    name = ".".join([key, *place])
    return f"expected {name} to be {expected}, received {first['input']!r:.200}"


def _causes(problems: Sequence[Any]) -> list[Any]:
    """Returns the problems without those that follow from one inside the same value."""
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem in problems
        if not any(
            len(place) > len(problem["loc"])
            and place[: len(problem["loc"])] == problem["loc"]
            for place in places
        )
    ]


def _expected(problem: Any) -> str:
    """Returns the expected value in words."""
    if problem["type"] == "too_short":
        return f"{problem['ctx']['min_length']} value or more"
    text: str = problem["msg"]
    for start in ("Input should be ", "Value error, "):
        text = text.removeprefix(start)
    return _WORDS.get(problem["type"], text)


def _phrase(title: str, problem: Any) -> str:
    path, kind = _path(title, problem["loc"])
    key, below = ".".join(path), ".".join(path[1:])
    if problem["type"] == "unexpected_keyword_argument":
        parent = ".".join(path[1:-1])
        if known := setting_types.about_constant(below):
            return known
        if kind:
            return not_of_kind(parent, kind, path[-1])
        return f"there is no setting {key}: ytdnn run --help lists all"
    expected = _expected(problem)
    if problem["type"] == "value_error":  # of settings that do not fit each other
        return f"{key}: {expected}"
    if below in configs.choices() and not kind:
        kinds = configs.choices()[below]
        own = [c.__name__ for c in kinds.values() if hasattr(configs, c.__name__)]
        classes = ", ".join(f"configs.{name}()" for name in own)
        names = " or ".join(kinds.names())
        expected = f"one of {classes}, or a dict whose kind is {names}"
    return f"expected {key} to be {expected}, received {problem['input']!r:.200}"


def _path(title: str, place: Sequence[Any]) -> tuple[list[str], str]:
    """Returns the path of a problem in the config, and the kind of its choice.

    Args:
      title: Name of the class that pydantic refused.
      place: Location of the problem in the class, with kinds of choices.
    """
    path, kind = [title], ""
    if title == configs.Config.__name__:
        path = ["config"]
    elif run.section_of(title) in {f.name for f in dataclasses.fields(configs.Config)}:
        path = ["config", run.section_of(title)]
    for choice, kinds in configs.choices().items():
        for name, cls in kinds.items():
            if cls.__name__ == title:
                path, kind = ["config", *choice.split(".")], name
    for part in map(str, place):
        if part in configs.choices().get(".".join(path[1:]), {}):
            kind = part
        else:
            path.append(part)
    return path, kind


def not_of_kind(path: str, kind: str, name: str) -> str:
    """Returns the message about a setting that the chosen kind does not have.

    Args:
      path: Path of the choice, such as `candidates.loss`.
      kind: The chosen kind.
      name: Name of the setting.
    """
    kinds = configs.choices()[path]
    own = configs.own_settings(kinds[kind])
    others = [k for k, cls in kinds.items() if name in configs.own_settings(cls)]
    hint = f", or choose config.{path}={' or '.join(others)}" if others else ""
    has = f"only {', '.join(own)}" if own else "and no other"
    return (
        f"{kind} has no setting config.{path}.{name}, {has}: leave it out{hint} "
        f"(ytdnn run --help)"
    )
