"""Settings as nested dicts: checked, and compared by the names users know."""

from typing import Any

import pydantic

from ytdnn import configs, errors

_MOST_PROBLEMS = 3


def validated(values: dict[str, Any], origin: str) -> configs.Config:
    """Returns the config of nested dicts.

    Args:
      values: Settings; what is missing takes its default.
      origin: Where they come from, for the error.

    Raises:
      errors.UserError: Unknown keys or bad values, each named with its path.
    """
    try:
        return configs.from_dict(values)
    except pydantic.ValidationError as error:
        raise errors.UserError(f"{describe(error)} ({origin})") from None
    except TypeError as error:
        raise errors.UserError(
            f"expected settings of plain numbers, texts and tuples, received another "
            f"({error}) ({origin})"
        ) from None


def describe(error: pydantic.ValidationError) -> str:
    """Returns pydantic's list of problems as one line."""
    problems = error.errors()
    root = "config" if error.title == "Config" else error.title
    phrases = [_phrase(root, problem) for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        phrases.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(phrases)


def _phrase(root: str, problem: Any) -> str:
    key = ".".join([root, *(str(part) for part in problem["loc"])])
    if problem["type"] == "unexpected_keyword_argument":
        return f"there is no setting {key}: ytdnn run --help lists all"
    if problem["type"] == "value_error":  # of settings that do not fit each other
        return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    expected = problem["msg"].removeprefix("Input should be ")
    return f"expected {key} to be {expected}, received {problem['input']!r}"


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested dicts as one dict by path; lists and tuples compare equal."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat


def differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> list[str]:
    """Returns a phrase `config.KEY was OLD, is NEW` for each setting that differs.

    Args:
      old: Nested dicts.
      new: Nested dicts.
      prefix: What their keys lack to be settings.
    """
    before, after = flatten(old), flatten(new)
    return [
        f"config.{prefix}{key} was {before.get(key, 'unset')!r}, "
        f"is {after.get(key, 'unset')!r}"
        for key in {**before, **after}
        if before.get(key, "unset") != after.get(key, "unset")
    ]
