"""The Spark session of a command, from a master's address and settings."""

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import re
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import ytdnn
from ytdnn.base import errors

if TYPE_CHECKING:
    import pyspark.sql

LOCAL = "local[*]"
_LOOPBACK = "127.0.0.1"
_PORT = 7077
_SECONDS_TO_CONNECT = 5.0
# What every session has unless it is told otherwise. No page of Spark's own: who
# reaches a port of Spark can run code there.
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
}
_OMP, _TENSORFLOW = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"
_OTHER_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # go before OpenMP's
_OF_LOCAL = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "16",
}


@dataclasses.dataclass(frozen=True)
class SparkSettings:
    """The settings of a Spark session.

    Attributes:
      master: Address such as "spark://host:7077"; or "local[2]" for this machine.
      conf: Settings of Spark by their names.
    """

    master: str = LOCAL
    conf: Mapping[str, str] = dataclasses.field(default_factory=dict)


def parse_conf(text: str) -> dict[str, str]:
    """Returns the Spark settings in a text.

    >>> parse_conf("spark.executor.memory=4g,spark.task.cpus=1")
    {'spark.executor.memory': '4g', 'spark.task.cpus': '1'}

    Raises:
      errors.UserError: An entry is malformed.
    """
    settings = {}
    for entry in filter(None, text.split(",")):
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or not key.startswith("spark."):
            raise errors.UserError(
                f"expected --conf as spark.KEY=VALUE,…, received {entry!r}: write for "
                f"example --conf=spark.executor.memory=4g"
            )
        settings[key] = value
    return settings


def require() -> None:
    """Checks that the packages of Spark are installed.

    Raises:
      errors.UserError: One is missing.
    """
    for package in ("pyspark", "pyarrow"):
        if importlib.util.find_spec(package) is None:
            raise errors.UserError(
                f"expected the package {package} for --engine=spark, found none: "
                f"pip install -c constraints.txt '.[spark]' in the checkout, or use "
                f"--engine=polars"
            )


@contextlib.contextmanager
def opened(settings: SparkSettings) -> Iterator["pyspark.sql.SparkSession"]:
    """Context with a session, which is stopped at the end.

    Raises:
      errors.UserError: Spark cannot run here, or the master is not reached.
    """
    require()
    _require_master(settings.master)
    from py4j import protocol
    from pyspark import errors as spark_errors
    from pyspark import sql

    # Of pandas' third version, of which nothing here makes use.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    of_spark = (spark_errors.PySparkException, protocol.Py4JError)
    builder = sql.SparkSession.builder.appName("ytdnn").master(settings.master)
    for key, value in _conf(settings).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except (*of_spark, OSError) as error:
        raise errors.UserError(
            f"expected a Spark master at {settings.master}, could not start: "
            f"{_reason(error)}: check --spark_master and --conf, and that Java 17 or "
            f"newer is installed, or use --engine=polars"
        ) from None
    try:
        yield session
    except of_spark as error:
        raise errors.UserError(
            f"expected Spark at {settings.master} to do its work, it failed: "
            f"{_reason(error)}: see the logs of its workers, or use --engine=polars"
        ) from None
    finally:
        session.stop()


def _require_master(master: str) -> None:
    """Checks that one of the hosts of spark://HOST:PORT,… takes a connection.

    Spark itself tries again for minutes, and says nothing.

    Raises:
      errors.UserError: None does.
    """
    reasons = []
    hosts = master.removeprefix("spark://")
    for address in hosts.split(",") if hosts != master else ():
        host, _, port = address.partition(":")
        try:
            place = host, int(port or _PORT)
            socket.create_connection(place, _SECONDS_TO_CONNECT).close()
        except (OSError, OverflowError, ValueError) as error:
            reasons.append(errors.one_line(str(error)))
        else:
            return
    if reasons:
        raise errors.UserError(
            f"expected a Spark master at {master}, could not connect "
            f"({'; '.join(reasons)}): start it, correct --spark_master, or use "
            f"--engine=polars"
        )


def _conf(settings: SparkSettings) -> dict[str, str]:
    """Returns all settings of a session; its Python is this one, ytdnn included."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    root = str(pathlib.Path(ytdnn.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    variables = {"PYTHONPATH": paths, **_threads()}
    conf = _DEFAULTS | {
        f"spark.executorEnv.{name}": value for name, value in variables.items()
    }
    if settings.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        conf |= _OF_LOCAL
    return conf | dict(settings.conf)


def _threads() -> dict[str, str]:
    """Returns the variables that give Spark's Python the driver's number of threads.

    The threads that share a product decide how its sums are rounded. Spark would set
    one thread, and a slate's order then differed for one user of MovieLens-100K.
    """
    number = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        number = len(os.sched_getaffinity(0))
    named = {name: os.environ.get(name, str(number)) for name in (_OMP, _TENSORFLOW)}
    others = {name: os.environ.get(name, "") for name in _OTHER_THREADS}
    return named | {name: value for name, value in others.items() if value}


def _reason(error: Exception) -> str:
    """Returns the line with the cause of a failure, preferring Python's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    of_python = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
    of_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    reasons = of_python[-1:] or of_java or lines or [type(error).__name__]
    return errors.one_line(reasons[0])[:200]
