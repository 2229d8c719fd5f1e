"""Sources of event logs, a module each.

MovieLens, KuaiRand, own files or frames, the world.
"""

import dataclasses

from ytdnn import configs, errors, user_paths
from ytdnn.configs import data as data_config
from ytdnn.data import event_log
from ytdnn.data.sources import kuairand, log, movielens, tables, world

_READERS = {
    "log": log.read,
    "movielens": movielens.read,
    "kuairand": kuairand.read,
    "world": world.read,
}
_OWN_SETTINGS = {
    "exposure": "kuairand",
    "click": "kuairand",
    "histories": "kuairand",
    "files": "log",
}


def read(
    config: configs.DataConfig, given: tables.TablesInMemory | None = None
) -> event_log.EventLog:
    """Reads the event log that `config.source` names.

    Values are cast but not yet checked: see `ytdnn.data.validation`.

    Args:
      config: Source, directory or edition, own column names, filter.
      given: The tables themselves, where the source is `tables` in memory.

    Raises:
      errors.UserError: It is missing or cannot be read, or a setting does not fit.
    """
    _require_own_settings(config)
    config = dataclasses.replace(config, dir=user_paths.text(config.dir))
    if config.source == data_config.IN_MEMORY:
        return tables.read(config, given)
    return _READERS[config.source](config)


def _require_own_settings(config: configs.DataConfig) -> None:
    """Refuses a setting that the source does not have."""
    for setting, source in _OWN_SETTINGS.items():
        value = getattr(config, setting)
        if config.source != source and value != getattr(configs.DataConfig(), setting):
            raise errors.UserError(
                f"expected no --config.data.{setting} with --source={config.source}, "
                f"received {value!r}: only --source={source} has that setting"
            )
