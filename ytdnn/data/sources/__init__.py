"""Sources of event logs, one module each: MovieLens, the user's own, the world."""

from ytdnn import configs
from ytdnn.data import event_log
from ytdnn.data.sources import log, movielens, world

_READERS = {"log": log.read, "movielens": movielens.read, "world": world.read}


def read(config: configs.Data) -> event_log.EventLog:
    """Reads the event log that `config.source` names.

    Values are cast but not yet checked: see `ytdnn.data.validation`.

    Args:
      config: Source, directory or edition, own column names, filter.

    Raises:
      errors.UserError: It is missing or cannot be read, or a setting does not fit.
    """
    return _READERS[config.source](config)
