"""`--repeats`, for logs with repeated watches of videos."""

from ytdnn.run.cli import arguments


def settings(value: str) -> dict[str, str]:
    """Returns the settings that `--repeats` fills.

    Args:
      value: `True`, or `False` for `--norepeats`.
    """
    keeps = str(value == "True").lower()
    removes = str(value != "True").lower()
    return {
        "composition.remove_watched": removes,
        "evaluation.remove_watched": removes,
        "candidates.validate_repeats": keeps,
    }


FLAG = arguments.Flag(
    "repeats",
    "Watched videos may be recommended again and count as right answers, as in music. "
    "Fills config.composition.remove_watched, config.evaluation.remove_watched and "
    "config.candidates.validate_repeats.",
    is_switch=True,
    fills=settings,
)
