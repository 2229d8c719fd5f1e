"""`--sessions`, for logs with ids of sessions as user ids."""

from ytdnn.run.cli import arguments


def settings(value: str) -> dict[str, str]:
    """Returns the settings that `--sessions` fills.

    Args:
      value: `True`, or `False` for `--nosessions`.
    """
    is_on = value == "True"
    return {
        "evaluation.targets": "last" if is_on else "all",
        "candidates.validate_last": str(is_on).lower(),
    }


FLAG = arguments.Flag(
    "sessions",
    "Each user is one session: validation and evaluation predict its last watch from "
    "those before it. Fills config.evaluation.targets and "
    "config.candidates.validate_last.",
    is_switch=True,
    fills=settings,
)
