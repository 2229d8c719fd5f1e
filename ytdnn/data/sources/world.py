"""The synthetic world as an event log, in memory."""

import dataclasses

import polars as pl

from ytdnn import configs, errors, schema
from ytdnn.data import event_log
from ytdnn.data.sources import casting, files
from ytdnn.world import generate


def read(config: configs.Data) -> event_log.EventLog:
    """Generates the world of `config.world`.

    Args:
      config: The world, and `where` as a filter over its watches.

    Raises:
      errors.UserError: `dir`, `name` or `columns` is set, which a world has not.
    """
    for flag, value in (
        ("--data_dir", config.dir),
        ("--config.data.name", config.name),
        ("--columns", ",".join(config.columns)),
    ):
        if value:
            raise errors.UserError(
                f"expected no {flag} with --source=world, which is generated, "
                f"received {value}: choose --source=log or --source=movielens"
            )
    origins = {}
    for name, columns in generate.generate(config.world).items():
        frame = pl.DataFrame(columns).with_row_index(event_log.ROW).lazy()
        file = f"the world's {name}"
        if name == schema.WATCHES:
            frame = files.filter_rows(frame, config.where, file)
        origins[name] = event_log.Origin(casting.normalise(name, frame, file), file)
    facts = {"source": "world", "world": dataclasses.asdict(config.world)}
    return event_log.from_origins(origins, facts)
