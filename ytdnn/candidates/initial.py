"""Where the weights of a candidate model begin: at random, or at counted co-watching.

From co-watching (`ytdnn/candidates/co_watching.py`), a fresh network with a skip
connection scores a video by the cosine or product of its vector with the mean of the
watched videos' vectors, plus the log of how often it was watched. That is a neighbour
model of few dimensions, which training then improves.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.candidates import co_watching, model
from ytdnn.data import prepared
from ytdnn.layers import embeddings


def set_weights(
    candidate_model: model.CandidateModel, data: prepared.PreparedData
) -> None:
    """Sets the weights of a fresh model as its config says.

    Args:
      candidate_model: As of `model.build`.
      data: The prepared set, of which training watches alone are looked at.
    """
    config = candidate_model.config
    if config.initial_vectors == "random":
        return
    vectors = co_watching.vectors(data, config.embedding_dim)
    rows = np.pad(vectors, [(1, 0), (0, 0)])  # row 0 is never read
    _assign(candidate_model.user_tower.watches.videos.table, rows)
    if not config.tied_tables:
        _assign(candidate_model.videos.table, rows)
    if config.bias:
        counts = data.videos[prepared.TRAIN_COUNT].to_numpy()[: len(vectors)]
        logs = np.log1p(counts.astype(np.float64))
        _assign(candidate_model.bias, np.append(0.0, logs - logs.mean()))
    tower = candidate_model.user_tower
    if tower.skip_connection is not None and config.reads_bags:
        output = tower.output_layer.kernel
        output.assign(tf.zeros_like(output))  # what the tower adds is learned
        tower.skip_connection.pass_first(config.embedding_dim)


def _assign(table: Any, values: np.ndarray) -> None:
    """Assigns a table, sharded or not."""
    start = 0
    for part in embeddings.parts(table):
        stop = start + int(part.shape[0])
        part.assign(values[start:stop].astype(np.float32))
        start = stop
