"""Checks which features a config names before anything is trained for minutes."""

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.features import interface, registry


def require(config: configs.Config, data: prepared.PreparedData) -> None:
    """Checks the features of both networks.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns.
    """
    registry.choose(interface.CANDIDATES, data, config.candidates.features)
    if data.has_impressions:
        registry.choose(interface.RANKING, data, config.ranking.features)
