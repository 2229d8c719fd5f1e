"""The engine `spark` of commands: Apache Spark."""

from ytdnn.base import registries
from ytdnn.ops.spark import on_spark, session
from ytdnn.run.cli import arguments


@registries.HOOKS.register("spark")
def machines(given: arguments.Arguments) -> on_spark.SparkMachines:
    """Returns the machines that the flags name.

    Raises:
      errors.UserError: A setting is malformed, or Spark cannot run here.
    """
    master = given.values.get("spark_master", session.LOCAL)
    conf = session.parse_conf(given.values.get("conf", ""))
    session.require()
    return on_spark.SparkMachines(session.SparkSettings(master, conf))
