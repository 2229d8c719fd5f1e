"""The arms of a backtest: what each updates, and how often."""

import dataclasses
import re

from ytdnn.base import errors

NEVER, COUNTERS, COUNTED = "never", "counters", "counted"
REFRESH, REFIT = "refresh", "refit"
_PLAIN, _UPDATED = (NEVER, COUNTERS, COUNTED), (REFRESH, REFIT)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}


@dataclasses.dataclass(frozen=True)
class BacktestArm:
    """One arm.

    Attributes:
      name: Name as given, such as `refresh=1d`.
      kind: `never`, `counters`, `counted`, `refresh` or `refit`.
      every: Seconds between the updates of its model; 0: it is not updated.
    """

    name: str
    kind: str
    every: int = 0

    @property
    def folder(self) -> str:
        """Name of its folder and of its records."""
        return self.name.replace("=", "-")

    @property
    def words(self) -> str:
        """Description for the advice."""
        often = self.name.partition("=")[2]
        return {
            NEVER: "Update nothing",
            COUNTERS: "Count what is watched up to each request, and refresh nothing",
            COUNTED: "Serve the best counted list",
        }.get(self.kind, f"{self.kind.capitalize()} every {often}")


def parse_all(text: str, step: int) -> tuple[BacktestArm, ...]:
    """Returns the arms of a flag's text.

    Args:
      text: Names with commas, such as `never,refresh=1d`.
      step: Seconds of a step.

    Raises:
      errors.UserError: An arm is unknown or named twice, or is not updated at the ends
        of steps.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len({*names}) < len(names):
        raise errors.UserError(
            f"expected --arms=ARM,… with each arm once, received {text!r}"
        )
    return tuple(_parse(name, step) for name in names)


def _parse(name: str, step: int) -> BacktestArm:
    kind, equals, often = name.partition("=")
    if kind in _PLAIN and not equals:
        return BacktestArm(name, kind)
    if kind not in _UPDATED:
        raise errors.UserError(
            f"expected --arms of {', '.join(_PLAIN)}, refresh=TIME or refit=TIME, "
            f"received {name!r}"
        )
    every = duration(often, f"--arms={kind}")
    if every % step:
        raise errors.UserError(
            f"expected --arms={kind} with a multiple of --every, received {name!r}: "
            f"models are updated between two steps"
        )
    return BacktestArm(name, kind, every)


def duration(text: str, flag: str) -> int:
    """Returns the seconds of a time such as `15m`, `1h` or `7d`.

    Args:
      text: The time.
      flag: Flag that it was given to.

    Raises:
      errors.UserError: It is no such time.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    if match is None:
        raise errors.UserError(
            f"expected {flag} as minutes, hours or days, such as 15m, 1h or 7d, "
            f"received {text!r}"
        )
    return int(match[1]) * _UNITS[match[2]]
