"""Where the weights of a candidate model begin: at random, or at counted co-watching.

From co-watching (`ytdnn/candidates/co_watching.py`), a fresh network with a skip
connection scores a video by the cosine or product of its vector with a bag of the
watched videos' vectors, plus the log of how often it was watched. That is a neighbour
model of few dimensions, which training then improves.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.candidates import co_watching, model
from ytdnn.layers import embeddings
from ytdnn.log import catalogues, prepared

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Start:
    """Settings of a counted start that validation decides.

    Attributes:
      bag: Place of the bag that is the user's vector at first, from 0: of a short time
        scale where the last watch says most, the mean where taste does.
      length: Greatest length of a video's vector: how much co-watching weighs against
        popularity.
    """

    bag: int = 0
    length: float = 1.0


def set_weights(
    candidate_model: model.CandidateModel, data: prepared.PreparedData
) -> Floats | None:
    """Sets the weights of a fresh model as its config says, counted ones at `Start()`.

    Args:
      candidate_model: A model that `model.build` returned.
      data: The prepared set; only its training watches are read.

    Returns:
      The counted rows of the table that `begin_at` takes; None for a random start.
    """
    config = candidate_model.config
    if config.initial_vectors == "random":
        return None
    vectors = co_watching.vectors(data, config.embedding_dim)
    counts = data.videos[catalogues.TRAIN_COUNT].to_numpy()[: len(vectors)]
    rare = vectors * _rarity(counts)[:, np.newaxis]
    _assign_rows(candidate_model.user_tower.watches.videos.table, rare)
    if config.bias:
        logs = np.log1p(counts.astype(np.float64))
        _assign(candidate_model.bias, np.append(0.0, logs - logs.mean()))
    tower = candidate_model.user_tower
    if tower.skip_connection is not None and config.reads_bags:
        output = tower.output_layer.kernel
        output.assign(tf.zeros_like(output))  # what the tower adds is learned
    begin_at(candidate_model, vectors, Start())
    return vectors


def choices(config: configs.CandidatesConfig) -> tuple[int, bool]:
    """Returns the number of bags a counted start can pass, and if lengths count."""
    can_pass = config.skip_connection != "none" and config.reads_bags
    num_bags = len(config.bags) + len(config.decay_rates) if can_pass else 1
    return num_bags, config.similarity != "cosine"


def begin_at(candidate_model: model.CandidateModel, rows: Floats, start: Start) -> None:
    """Changes the initial weights of a model with a counted start, before training.

    Args:
      candidate_model: The model that was given to `set_weights`.
      rows: Counted rows that `set_weights` returned.
      start: Where the model is to begin.
    """
    config = candidate_model.config
    _assign_rows(candidate_model.videos.table, rows, start.length)
    skip = candidate_model.user_tower.skip_connection
    if skip is not None and config.reads_bags:
        skip.pass_bag(start.bag, config.embedding_dim)


def _rarity(counts: npt.NDArray[np.integer]) -> Floats:
    """Returns the weight of each watched video in a bag, `[videos]`, by its watches.

    A rare video tells more about a user's taste than one that everybody watches, so its
    weight is 1 / √watches, as in neighbour models. The weight is reduced where the
    watches are too few to estimate a direction. The mean over watches is 1.
    """
    # About 1 / √watches, damped for few watches, of which chance decides.
    weights = np.sqrt(counts + 5.0) / (counts + 2.0)
    total = float((weights * counts).sum())
    return (weights * counts.sum() / max(total, 1e-9)).astype(np.float32)


def _assign_rows(table: Any, rows: Floats, length: float = 1.0) -> None:
    """Assigns a table of videos, scaled; its row 0 is never read."""
    padded = np.zeros((len(rows) + 1, rows.shape[1]), np.float32)
    np.multiply(rows, np.float32(length), out=padded[1:])
    _assign(table, padded)


def _assign(table: Any, values: np.ndarray) -> None:
    """Assigns a table, sharded or not."""
    start = 0
    for part in embeddings.parts(table):
        stop = start + int(part.shape[0])
        part.assign(values[start:stop].astype(np.float32, copy=False))
        start = stop
