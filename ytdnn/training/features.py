"""Checks that a config fits the columns and videos of a log, before training starts."""

from ytdnn.base import configs
from ytdnn.candidates import content
from ytdnn.features import base_feature, registry
from ytdnn.log import prepared
from ytdnn.ranking import building
from ytdnn.retrieval import diversity


def require(config: configs.Config, data: prepared.PreparedData) -> None:
    """Checks the features of both networks, and the composition.

    Raises:
      errors.UserError: A feature's name is unknown, has no effect, or its columns are
        missing; or columns of the composition are missing.
    """
    candidates = config.candidates
    registry.choose(base_feature.CANDIDATES, data, candidates.features)
    if candidates.content.enabled:
        content.features_of(candidates.content, data)
    if not data.windows.ranker_left_out(config.ranking):
        building.features_of(config.ranking, data)
        diversity.require(config.composition, data.catalogue)
