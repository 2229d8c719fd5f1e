"""Checks that the log has the columns that a config needs, before training starts."""

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.features import base_feature, registry
from ytdnn.ranking import building
from ytdnn.retrieval import channels


def require(config: configs.Config, data: prepared.PreparedData) -> None:
    """Checks the features of both networks, and the composition.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns; or the
        cap of the composition does.
    """
    candidates = config.candidates
    registry.choose(base_feature.CANDIDATES, data, candidates.features)
    if candidates.content.enabled:
        registry.choose(base_feature.CONTENT, data, candidates.content.features)
    if not data.ranker_left_out(config.ranking):
        building.features_of(config.ranking, data)
        channels.require(config.composition, data)
