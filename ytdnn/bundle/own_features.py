"""A check of a user's own features before they are served."""

import numpy as np
import tensorflow as tf

from ytdnn.base import registries
from ytdnn.bundle import requests, user_requests
from ytdnn.features import base_feature
from ytdnn.log import lookups, prepared, raw_request
from ytdnn.ranking import inputs


def require_same(data: prepared.PreparedData, chosen: inputs.Features) -> None:
    """Checks that log and request give one value, at the last watches of some users.

    Args:
      data: The prepared set.
      chosen: Features of the ranker; those of ytdnn itself are not read.

    Raises:
      errors.UserError: A feature has two values.
    """
    read = (f for f in chosen if isinstance(f, base_feature.ReadAtRequest))
    if not (own := tuple(f for f in read if f.name in registries.FEATURES)):
        return
    some = data.with_log(data.log.read_users(np.arange(min(16, data.num_users))))
    fields = {f.name: f for f in inputs.request_fields(own, data.catalogue)}
    log, told = inputs.ImpressionLog(some, own, 1), inputs.RequestInputs(data, own, 1)
    ids, offsets = lookups.VideoIds(data.catalogue), some.watches.offsets
    videos = np.resize(np.arange(1, data.num_videos + 1, dtype=np.int32), (1, 3))
    for user in np.flatnonzero(np.diff(offsets)):
        end = offsets[user + 1 : user + 2] - 1
        time = some.watches.times[end]
        known = user_requests.at_position(some, int(user), int(end[0]), int(time[0]))
        raw = requests.parse({n: v for n, v in known.items() if n in fields}, fields)
        tensors = {n: tf.constant(v, fields[n].dtype) for n, v in raw.items()}
        served = told(raw_request.Request(tensors, ids, ids.ids(videos)))
        logged = log.candidates(np.array([user]), end, time, videos)
        for name in (feature.name for feature in own):
            one, other = (np.ravel(values[name]) for values in (logged, served))
            fits = np.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)
            words = "one value from log and request", f"{one} and {other}"
            registries.FEATURES.require(fits, *words, name)
