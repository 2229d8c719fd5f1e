"""The request key `exclude_channel_ids`: channels that a user does not want."""

import numpy as np
import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.log import fields, lookups, prepared
from ytdnn.retrieval import channels, request_fields

_NAME = "exclude_channel_ids"


def exists(data: prepared.PreparedData) -> bool:
    """Whether the log has channels."""
    return channels.CHANNEL in data.catalogue.columns


@registries.REQUEST_FIELDS.register("exclude_channel_ids", exists=exists)
class ExcludeChannels(request_fields.RequestField):
    """Excludes all videos of some channels; unknown channels are ignored."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Sorts the catalogue by channel."""
        super().__init__()
        meaning = "channels to leave out, ids as text; unknown ids are ignored"
        self.field = fields.Field(_NAME, "string", "batch, length", "", meaning)
        indices = channels.channel_indices(data.catalogue)
        videos = np.argsort(indices, kind="stable").astype(np.int32)
        videos = videos[indices[videos] > 0]
        self._videos = tf.Variable(videos, trainable=False)
        counts = np.bincount(indices[videos], minlength=int(indices.max(initial=0)) + 1)
        self._splits = tf.Variable(np.append(0, np.cumsum(counts)), trainable=False)
        ids = data.videos[schema.CHANNEL_ID].drop_nulls().cast(str).unique().sort()
        self._ids = lookups.TextVocabulary(ids.to_list())

    def excluded(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the videos of the channels, `[batch, n] int32`, 0 = none.

        Args:
          values: `[batch, length]` channels as text, empty where there is none.
        """
        channels = tf.where(values == "", 0, self._ids.indices(values))
        by_channel = tf.RaggedTensor.from_row_splits(
            tf.convert_to_tensor(self._videos), self._splits, validate=False
        )
        found = tf.gather(by_channel, channels).merge_dims(1, 2)
        videos: tf.Tensor = found.to_tensor(0)
        return videos
