"""The step `data` as a Python function: reads, checks and splits an event log."""

import dataclasses
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ytdnn.base import configs, errors, progress, user_paths
from ytdnn.base.configs import data as data_config
from ytdnn.run.pipeline import api, graph, runner
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.log import prepared
    from ytdnn.log.sources import tables
    from ytdnn.run.pipeline import machines


NO_TABLES: Mapping[str, Any] = types.MappingProxyType({})  # the default: none given


def prepare(
    workdir: api.Path,
    config: configs.Config | None = None,
    *,
    tables: Mapping[str, Any] = NO_TABLES,
    machines: "machines.Machines | None" = None,
    again: bool = False,
    verbose: api.Verbose = False,
) -> "prepared.PreparedData":
    """Reads and checks an event log, splits it, and writes `workdir/data`.

    Args:
      workdir: Directory of the run, made if missing.
      config: Config of the run; None: that of the workdir, or the defaults (the
        embedded world).
      tables: Frames of Polars or pandas by the table's name (`watches` at least),
        instead of the config's source. None is refused, so that missing frames are
        never replaced by another log.
      machines: Machines that share the work, such as `on_spark.SparkMachines`; None:
        this machine.
      again: Whether to prepare again even if the output is complete and current.
      verbose: See the module's docstring.

    Returns:
      The prepared set.

    Raises:
      errors.UserError: The log is missing or malformed, or the filters leave nothing.
    """
    from ytdnn.log import prepared

    directory, say = user_paths.expanded(workdir), api.speaker(verbose)
    api.require_config(config)
    if config is None:
        config = workdir_room.read_config(directory) or configs.Config()
    elif tables is not NO_TABLES:
        _require_no_other_source(config.data)
    in_memory = None
    if tables is not NO_TABLES:
        in_memory, config = _from_memory(tables, config)
    step = graph.data_of(in_memory, machines)
    with (
        workdir_room.lock(directory),
        workdir_room.keep_config(directory, config),
        progress.shown(bool(verbose)),
    ):
        runner.run([step], config, directory, say, [step.name] if again else [])
    return prepared.load(directory / step.name)


def _from_memory(
    frames: Mapping[str, Any], config: configs.Config
) -> tuple["tables.TablesInMemory", configs.Config]:
    """Returns frames as tables, and the config with their source."""
    from ytdnn.log.sources import tables

    data = dataclasses.replace(
        config.data, source=data_config.IN_MEMORY, dir="", name=""
    )
    return tables.from_frames(frames), dataclasses.replace(config, data=data)


def _require_no_other_source(data: configs.DataConfig) -> None:
    if data.dir or data.name:
        raise errors.UserError(
            f"expected tables= or a source in the config, received both "
            f"(config.data.dir={data.dir!r}, config.data.name={data.name!r}): leave "
            f"one out"
        )
