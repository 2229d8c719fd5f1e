"""The inputs of the candidate sources from a request, and the videos it permits."""

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import lookups
from ytdnn.data import request as raw_request
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval import permitted


def asked(
    request: raw_request.Request,
    user_vectors: tf.Tensor,
    removed: lookups.RemovedVideos | None = None,
) -> retrieval.Asked:
    """Returns a request as candidate sources read it.

    Args:
      request: The request.
      user_vectors: `[batch, vector_dim] float32`.
      removed: Videos left out of every answer.
    """
    watched = request.watched_indices
    limits = permitted_by(request.raw, request.videos, watched, removed)
    return retrieval.Asked(watched, request.times, user_vectors, limits)


def permitted_by(
    raw: raw_request.Raw,
    videos: lookups.VideoIds,
    watched: tf.Tensor,
    removed: lookups.RemovedVideos | None,
) -> permitted.Permitted:
    """Returns which videos the answers to requests may hold.

    Args:
      raw: The request; its lists of ids may be left out.
      videos: Ids and indices of the catalogue.
      watched: `[batch, n] int32`, left out.
      removed: Left out of every answer.
    """
    barred, allowed, is_limited = watched, None, None
    if schema.EXCLUDE_IDS in raw:
        excluded = videos.indices(raw[schema.EXCLUDE_IDS])
        barred = tf.concat([watched, excluded], axis=1)
    if schema.ALLOW_IDS in raw:
        allowed = videos.indices(raw[schema.ALLOW_IDS])
        is_limited = tf.reduce_any(videos.present(raw[schema.ALLOW_IDS]), axis=1)
    return permitted.Permitted(barred, allowed, is_limited, removed)
