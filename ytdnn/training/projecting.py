"""Projects the vectors of several trained networks (candidates/projection.py)."""

import numpy as np

from ytdnn.candidates import model
from ytdnn.log import events, prepared

_MOST_POSITIONS = 1 << 15


def project(
    candidate_model: model.Joined,
    data: prepared.PreparedData,
    seed: int,
) -> None:
    """Chooses the projection of an ensemble with `serving_dim`, if it is one.

    Users are those of training watches sampled from the first shard.

    Args:
      candidate_model: The trained networks.
      data: The prepared set they were trained on.
      seed: Seed of the sample.
    """
    if isinstance(candidate_model, model.CandidateModel):
        return
    if not candidate_model.serving_dim:
        return
    part = data.with_log(data.log.some)
    rows = part.windows.watches_of(events.Split.TRAIN)
    users = np.asarray(part.watches.users)[rows]
    has_history = rows > np.asarray(part.watches.offsets)[users]
    rows = rows[has_history] if has_history.any() else rows
    if len(rows) > _MOST_POSITIONS:
        rng = np.random.Generator(np.random.Philox(seed))
        rows = np.sort(rng.choice(rows, _MOST_POSITIONS, replace=False))
    users = np.asarray(part.watches.users)[rows]
    vectors = [one.user_vectors(part, users, rows) for one in candidate_model.members]
    candidate_model.choose_projection(
        np.concatenate(vectors, axis=1), data.windows.training_window[1]
    )
