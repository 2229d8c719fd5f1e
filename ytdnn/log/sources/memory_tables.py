"""Tables in memory: read and checked like files.

The manifest of a prepared set has the fingerprints of the tables' content among its
inputs, so the same frames are not prepared again, and changed ones are.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import polars as pl

from ytdnn.base import configs, errors, schema, table_schemas
from ytdnn.base.configs import data as data_config
from ytdnn.log import raw_log
from ytdnn.log.sources import frames, mappings, own_tables


@dataclasses.dataclass(frozen=True)
class TablesInMemory:
    """Event-log tables in memory.

    Attributes:
      frames: Frames by name, in the user's own columns and types.
      fingerprints: Fingerprint of the content of each frame.
    """

    frames: dict[str, pl.LazyFrame]
    fingerprints: dict[str, str]


def from_frames(given: Mapping[str, Any]) -> TablesInMemory:
    """Returns frames as tables.

    Args:
      given: Frames of Polars or pandas by the table's name.

    Raises:
      errors.UserError: `watches` is missing, a table is unknown, or a value is no
        frame.
    """
    for name in given:
        if name not in table_schemas.TABLES:
            hint = errors.hint(str(name), table_schemas.TABLES)
            raise errors.UserError(
                f"expected tables of {', '.join(table_schemas.TABLES)}, received "
                f"{name!r}{hint}"
            )
    if schema.WATCHES not in given:
        raise errors.UserError(
            f"expected a table {schema.WATCHES}, received "
            f"{', '.join(given) or 'none'}: the other tables are optional, this one "
            f"is not"
        )
    lazy = {
        name: frames.to_polars(given[name], _called(name))
        for name in table_schemas.TABLES
        if name in given
    }
    prints = {name: _fingerprint(frame, name) for name, frame in lazy.items()}
    return TablesInMemory(lazy, prints)


def read(config: configs.DataConfig, tables: TablesInMemory | None) -> raw_log.EventLog:
    """Returns the log of tables in memory.

    Args:
      config: `columns` (own column names) and `where` (a filter over the own columns
        of watches).
      tables: Tables given by the caller.

    Raises:
      errors.UserError: There are no tables (the settings of a run do not include them),
        or a mapping or column does not fit.
    """
    if tables is None:
        raise errors.UserError(
            "expected the tables of config.data.source=tables, received none: they "
            "were frames in memory and cannot be read again; hand them to "
            "ytdnn.prepare(WORKDIR, tables=…) in Python"
        )
    names = mappings.parse_columns(config.columns)
    mappings.require_mapped(names, tables.frames, "the tables given")
    origins = {
        table: own_tables.origin(
            table,
            frame.with_row_index(raw_log.ROW),
            _called(table),
            names.get(table, {}),
            config.where if table == schema.WATCHES else "",
            config.outcomes,
        )
        for table, frame in tables.frames.items()
    }
    facts = {
        "source": data_config.IN_MEMORY,
        "fingerprints": tables.fingerprints,
        "columns": list(config.columns),
        "where": config.where,
    }
    return raw_log.from_origins(origins, facts)


def _called(table: str) -> str:
    return f"tables[{table!r}]"


def _fingerprint(frame: pl.LazyFrame, table: str) -> str:
    """Returns sixteen hex digits of names, types, and the hash of each row."""
    with raw_log.readable(_called(table)):
        columns = frame.collect_schema()
        # By what they say: a category's number alone would be another's too.
        texts = pl.col(pl.Categorical, pl.Enum).cast(pl.String)
        rows = pl.struct(pl.all()).hash()
        hashes = frame.with_columns(texts).select(rows).collect(engine="streaming")
    digest = hashlib.sha256(repr(list(columns.items())).encode())
    digest.update(hashes.to_series().to_numpy().tobytes())
    return digest.hexdigest()[:16]
