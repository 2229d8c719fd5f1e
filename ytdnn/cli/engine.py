"""The flags that choose the engine of `prepare`: Polars on this machine, or Spark."""

from ytdnn import errors
from ytdnn.cli import arguments
from ytdnn.data.spark import session

Flag = arguments.Flag

_ENGINES = ("polars", "spark")
_MASTER, _CONF = "spark_master", "conf"
FLAGS = (
    Flag(
        "engine",
        "What does the work: polars on this machine, or spark (Apache Spark; needs the "
        "extra `spark` and Java 17): the same files, to the byte.",
        example="|".join(_ENGINES),
    ),
    Flag(
        _MASTER,
        "Address of Spark's master; default: local[*], this machine. Workers must "
        "reach the log and the workdir under the same paths.",
        example="spark://HOST:PORT",
    ),
    Flag(_CONF, "Settings of Spark.", example="spark.KEY=VALUE,…"),
)


def chosen(given: arguments.Arguments) -> session.SparkSettings | None:
    """Returns where Spark runs, None for Polars.

    Raises:
      errors.UserError: There is no such engine, or a flag of Spark without it.
    """
    if arguments.choice(given, "engine", _ENGINES, _ENGINES[0]) == "spark":
        master = given.values.get(_MASTER, session.LOCAL)
        conf = session.parse_conf(given.values.get(_CONF, ""))
        session.require()
        return session.SparkSettings(master, conf)
    for name in (_MASTER, _CONF):
        if name in given.values:
            raise errors.UserError(
                f"expected --engine=spark with --{name}, found --engine=polars: add "
                f"it, or leave --{name} out"
            )
    return None
