"""Sources of event logs: MovieLens, KuaiRand, own files or frames, the world.

Each module registers a function from settings to the log (`registries.LOGS`).
"""

import dataclasses
import functools
import json

import polars as pl

from ytdnn.base import configs, errors, registries, schema, table_schemas, user_paths
from ytdnn.base.configs import data as data_config
from ytdnn.log import raw_log
from ytdnn.log.sources import memory_tables, own_tables


def read(
    config: configs.DataConfig, given: memory_tables.TablesInMemory | None = None
) -> raw_log.EventLog:
    """Reads the event log that `config.source` names.

    Values are cast but not yet checked: see `ytdnn.log.log_checks`.

    Args:
      config: Source, directory or edition, own column names, filter.
      given: Tables in memory, for the source `tables`.

    Raises:
      errors.UserError: The log is missing or cannot be read, or a setting does not
        fit.
    """
    _require_own_settings(config)
    config = dataclasses.replace(config, dir=user_paths.text(config.dir))
    if config.source == data_config.IN_MEMORY:
        log = memory_tables.read(config, given)
    else:
        log = registries.LOGS.made(config.source, raw_log.EventLog, config)
        if config.source not in registries.LOGS.own():
            log = _documented(config, log)
    _require_outcomes(config, log)
    return log


def _documented(config: configs.DataConfig, log: raw_log.EventLog) -> raw_log.EventLog:
    """Returns the log of a user's own source with columns and types of the schema.

    Raises:
      errors.UserError: It is no such log; the message says how it should be.
    """
    require = functools.partial(registries.LOGS.require, name=config.source)
    origins = dict(log.origins)
    for table, frame in log.tables.items():
        is_one = table in table_schemas.TABLES and isinstance(frame, pl.LazyFrame)
        known, received = ", ".join(table_schemas.TABLES), errors.kind_of(frame)
        require(is_one, f"lazy frames as {known}", f"{table}: {received}")
        place = f"{table} of the source {config.source}"
        rows, own = frame.with_row_index(raw_log.ROW), config.outcomes
        if table not in origins:
            with raw_log.readable(place):
                origins[table] = own_tables.origin(table, rows, place, {}, "", own)
    try:
        json.dumps(dict(log.facts))
    except TypeError as error:
        require(False, "facts in a dict of JSON values", str(error))
    return raw_log.from_origins(origins, log.facts)


def _require_outcomes(config: configs.DataConfig, log: raw_log.EventLog) -> None:
    """Checks that the outcomes named by a setting are columns of the impressions."""
    if config.outcomes and schema.IMPRESSIONS not in log.tables:
        raise errors.UserError(
            f"expected a table {schema.IMPRESSIONS} for data.outcomes, found "
            f"{', '.join(log.tables)}: add it, or leave the setting out"
        )
    for name in config.outcomes:
        columns = log.tables[schema.IMPRESSIONS].collect_schema().names()
        if name not in columns:
            origin = log.origin(schema.IMPRESSIONS)
            hint = errors.hint(name, [*columns, *origin.unused])
            raise errors.UserError(
                f"expected a column {schema.IMPRESSIONS}.{name} for data.outcomes, "
                f"found {', '.join(columns)}{hint}"
            )


def _require_own_settings(config: configs.DataConfig) -> None:
    """Refuses a setting that the source does not have."""
    settings: tuple[str, ...] = ()
    if config.source != data_config.IN_MEMORY:
        settings = registries.LOGS[config.source].settings
    for setting in data_config.OF_SOURCES:
        value = getattr(config, setting)
        if setting not in settings and value != getattr(configs.DataConfig(), setting):
            owners = [p.name for p in registries.LOGS.parts() if setting in p.settings]
            raise errors.UserError(
                f"expected no --config.data.{setting} with --source={config.source}, "
                f"received {value!r}: only --source={' and '.join(owners)} has that "
                f"setting"
            )
