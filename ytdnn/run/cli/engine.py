"""The flag that chooses the engine: Polars on this machine, or a registered one."""

from typing import TYPE_CHECKING

from ytdnn.base import errors, registries
from ytdnn.run.cli import arguments

if TYPE_CHECKING:
    from ytdnn.run.pipeline import machines

_POLARS = "polars"
_OTHERS = tuple(registries.ENGINES.parts())
_ENGINES = (_POLARS, *(part.name for part in _OTHERS))


def flags(work: str) -> tuple[arguments.Flag, ...]:
    """Returns the flags that choose an engine, with those of the engines.

    Args:
      work: Verb and object of the engine's work, for the help.
    """
    return (
        arguments.Flag(
            "engine",
            f"Engine that {work}: polars on this "
            f"machine{''.join(f', or {part.text}' for part in _OTHERS)}. Results are "
            f"identical.",
            example="|".join(_ENGINES),
        ),
        *(flag for part in _OTHERS for flag in part.flags),
    )


FLAGS = flags("prepares the log")


def chosen(given: arguments.Arguments) -> "machines.Machines | None":
    """Returns the machines that do the work; None: Polars on this machine.

    Raises:
      errors.UserError: The engine is unknown, or a flag belongs to another engine.
    """
    named = given.values.get("engine", _POLARS)
    if named not in registries.ENGINES.missing:
        named = arguments.choice(given, "engine", _ENGINES, _POLARS)
    if named != _POLARS:
        found: machines.Machines = registries.ENGINES[named].make(given)
        return found
    for part in _OTHERS:
        for flag in part.flags:
            if flag.name in given.values:
                raise errors.UserError(
                    f"expected --engine={part.name} with --{flag.name}, found "
                    f"--engine={_POLARS}: add it, or leave --{flag.name} out"
                )
    return None
