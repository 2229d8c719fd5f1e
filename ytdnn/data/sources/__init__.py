"""Sources of event logs, a module each: MovieLens, own files or frames, the world."""

from ytdnn import configs
from ytdnn.configs import data as data_config
from ytdnn.data import event_log
from ytdnn.data.sources import log, movielens, tables, world

_READERS = {"log": log.read, "movielens": movielens.read, "world": world.read}


def read(
    config: configs.Data, given: tables.Tables | None = None
) -> event_log.EventLog:
    """Reads the event log that `config.source` names.

    Values are cast but not yet checked: see `ytdnn.data.validation`.

    Args:
      config: Source, directory or edition, own column names, filter.
      given: The tables themselves, where the source is `tables` in memory.

    Raises:
      errors.UserError: It is missing or cannot be read, or a setting does not fit.
    """
    if config.source == data_config.IN_MEMORY:
        return tables.read(config, given)
    return _READERS[config.source](config)
