"""The flags that choose the engine: Polars on this machine, or Spark."""

from typing import TYPE_CHECKING

from ytdnn.base import errors, registries
from ytdnn.run.cli import command

if TYPE_CHECKING:
    from ytdnn.run.pipeline import shared_work

_POLARS, _SPARK = "polars", "spark"
_SPARK_FLAGS = (
    command.Flag(
        "spark_master",
        "Address of Spark's master; default: local[*], this machine. Workers must "
        "reach the log and the workdir under the same paths.",
        example="spark://HOST:PORT",
    ),
    command.Flag("conf", "Settings of Spark.", example="spark.KEY=VALUE,…"),
)


def flags(work: str) -> tuple[command.Flag, ...]:
    """Returns the flags that choose an engine, with those of Spark.

    Args:
      work: Verb and object of the engine's work, for the help.
    """
    text = (
        f"Engine that {work}: polars on this machine, or spark (Apache Spark; needs "
        f"the extra `spark` and Java 17). Results are identical."
    )
    return command.Flag("engine", text, example="polars|spark"), *_SPARK_FLAGS


FLAGS = flags("prepares the log")


def chosen(given: command.Arguments) -> "shared_work.Machines | None":
    """Returns the machines that do the work; None: Polars on this machine.

    Raises:
      errors.UserError: The engine is unknown, or a flag belongs to another engine.
    """
    if command.choice(given, "engine", (_POLARS, _SPARK)) == _SPARK:
        cluster: shared_work.Machines = registries.HOOKS[_SPARK].make(given)
        return cluster
    for flag in _SPARK_FLAGS:
        if flag.name in given.values:
            raise errors.UserError(
                f"expected --engine=spark with --{flag.name}, found --engine=polars: "
                f"add it, or leave --{flag.name} out"
            )
    return None
