"""Settings of what candidates know of a video beside its id."""

from ytdnn.configs import components
from ytdnn.configs import features as features_config


@components.validated
class Content:
    """The content side of the video tables: vectors of new videos.

    A video's vector is that of its id plus that of its content; one without an id
    embedding, such as a new upload, has its content alone. It exists where the log has
    a column of `videos` that says something of them, but not for hierarchical softmax,
    whose table has no row of a video. Index and bundle then hold a vector of every
    video of the catalogue: leave it out where `videos` is far longer than what is
    watched, and memory is short.

    Attributes:
      enabled: Whether there is one.
      features: What it reads of a video.
      id_dropout: Share of videos scored without the embedding and the bias of their id
        in a training step, and of watches read without, so that content stands alone.
      popularity_by_age: Whether scores know how much is watched of videos as old as
        this one. It needs `videos.upload_time`: of a log without, there is a content
        side only where this is false.
    """

    enabled: bool = True
    features: features_config.Features = features_config.Features()
    id_dropout: components.Fraction = 0.2
    popularity_by_age: bool = True
