"""Popular videos: of all, and of the topics that the user watched lately.

`topic_popular` is between `popular`, the same for everyone, and `fresh_uploads`, which
needs channels with new uploads: it proposes the best videos of a topic even if nobody
uploads to it any more.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, registries, schema
from ytdnn.log import inputs, prepared
from ytdnn.log import request as raw_request
from ytdnn.retrieval import attributes, interface, rows

_DAYS = 7
_WATCHES = 20  # last watches with topics that count
_MOST = 50  # videos of a topic
_TOPIC = f"{schema.VIDEOS}.{schema.TOPIC}"


@registries.SOURCES.register("popular")
class Popular(interface.Source):
    """The same videos for all users, except those that are not permitted."""

    kind = interface.POPULAR

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts the watches of the last week of training."""
        super().__init__(num)
        self._videos = tf.Variable(most_watched(data), trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the most watched that are permitted."""
        width = self.num + rows.largest(requests.permitted.num_excluded)
        width += tf.minimum(requests.permitted.num_removed, self.num)
        videos = self._videos[:width][tf.newaxis, :]
        videos = tf.repeat(videos, tf.shape(requests.watched)[0], axis=0)
        falling = tf.zeros_like(videos)  # in order already
        return self.best_permitted(requests, videos, falling)


def most_watched(data: prepared.PreparedData) -> np.ndarray:
    """Returns the videos watched in the last week of training, most watched first."""
    shards = inputs.training_set(data).log.shards
    last = max(int(shard.read().watches.times.max(initial=0)) for shard in shards)
    counts = np.zeros(data.num_videos + 1, np.int64)
    for shard in shards:
        watches = shard.read().watches
        recent = watches.videos[watches.times >= last - _DAYS * schema.DAY_SECONDS]
        counts += np.bincount(recent, minlength=len(counts))
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > 0].astype(np.int32)


def exists(data: prepared.PreparedData) -> bool:
    """Whether the log has topics."""
    return _TOPIC in data.catalogue.columns


@registries.SOURCES.register("topic_popular", exists=exists)
class TopicPopular(interface.Source):
    """The videos of recent topics with the most training watches, most watched first.

    The seed of a video is the last watch of its topic.
    """

    kind = "topic_popular"

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts the training watches of each topic's videos."""
        super().__init__(num)
        counts = inputs.num_training_watches(data)
        topics = attributes.indices(data.catalogue, schema.TOPIC)
        self._topics = tf.Variable(topics, trainable=False)
        self._counts = tf.Variable(counts.astype(np.int32), trainable=False)
        self._videos = tf.Variable(_most_watched(topics, counts), trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the most watched permitted videos of the last watches' topics."""
        seeds = raw_request.last(requests.watched, _WATCHES)[
            :, ::-1
        ]  # the latest first
        found = tf.gather(self._videos, tf.gather(self._topics, seeds))
        videos = tf.reshape(found, [-1, _WATCHES * _MOST])
        return self.best_permitted(
            requests,
            videos,
            tf.gather(self._counts, videos),
            tf.repeat(seeds, _MOST, axis=1),
        )


def _most_watched(
    topics: npt.NDArray[np.int32], counts: npt.NDArray[np.integer]
) -> npt.NDArray[np.int32]:
    """Returns the videos of each topic, most watched first, `[num_topics + 1, _MOST]`.

    Places that a topic does not fill are 0, as are all of the unknown topic.

    Args:
      topics: `[num_videos + 1]`.
      counts: Training watches, `[num_videos + 1]`.
    """
    videos = np.flatnonzero((topics > 0) & (counts > 0))
    keys = [-counts[videos], videos]
    chosen, places = ragged.first_of_groups(topics[videos], keys, _MOST)
    found = np.zeros((int(topics.max(initial=0)) + 1, _MOST), np.int32)
    found[topics[videos[chosen]], places] = videos[chosen]
    return found
