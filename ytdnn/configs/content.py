"""Settings of the candidates' content features of videos."""

from ytdnn.configs import components
from ytdnn.configs import features as features_config


@components.validated
class ContentConfig:
    """The content side of the video tables: vectors of new videos.

    A video's vector is that of its id plus that of its content; a video without an id
    embedding, such as a new upload, has only its content. The content side exists where
    the log has a column of `videos` with content features, but not for hierarchical
    softmax, whose table has no rows of videos. Index and bundle then hold a vector of
    every video of the catalogue: disable it where `videos` is far longer than the list
    of watched videos, and memory is short.

    Attributes:
      enabled: Whether there is a content side.
      features: Features of videos that it reads.
      id_dropout: Share of videos scored without the embedding and the bias of their id
        in a training step, and of watches read without, so that content is learned by
        itself.
      popularity_by_age: Whether scores depend on the popularity of videos of the same
        age. It needs `videos.upload_time`: a log without it has a content side only
        where this is false.
    """

    enabled: bool = True
    features: features_config.FeaturesConfig = features_config.FeaturesConfig()
    id_dropout: components.Fraction = 0.2
    popularity_by_age: bool = True
