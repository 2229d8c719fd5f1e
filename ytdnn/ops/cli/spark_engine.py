"""The engine `spark` of commands: Apache Spark, with the flags of its session."""

from ytdnn.base import registries
from ytdnn.ops.spark import on_spark, session
from ytdnn.run.cli import arguments

_MASTER, _CONF = "spark_master", "conf"
_FLAGS = (
    arguments.Flag(
        _MASTER,
        "Address of Spark's master; default: local[*], this machine. Workers must "
        "reach the log and the workdir under the same paths.",
        example="spark://HOST:PORT",
    ),
    arguments.Flag(_CONF, "Settings of Spark.", example="spark.KEY=VALUE,…"),
)


@registries.ENGINES.register(
    "spark",
    text="spark (Apache Spark; needs the extra `spark` and Java 17)",
    flags=_FLAGS,
)
def machines(given: arguments.Arguments) -> on_spark.SparkMachines:
    """Returns the machines that the flags name.

    Raises:
      errors.UserError: A setting is malformed, or Spark cannot run here.
    """
    master = given.values.get(_MASTER, session.LOCAL)
    conf = session.parse_conf(given.values.get(_CONF, ""))
    session.require()
    return on_spark.SparkMachines(session.SparkSettings(master, conf))
