"""TensorFlow Recommenders: the tutorial's two towers."""

import os
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # which TFRS needs

import numpy as np
import polars as pl
import tensorflow as tf
import tensorflow_recommenders as tfrs

REQUIREMENTS = ""  # the environment of ytdnn has it
LACKS = "watch seconds, ranker; new users and videos only after a fit"
# Of https://www.tensorflow.org/recommenders/examples/basic_retrieval
GRID: list[dict[str, Any]] = [{"epochs": 3}, {"epochs": 10}, {"epochs": 30}]
_DIM, _BATCH, _USERS = 32, 8_192, 1_000


class TwoTowers(tfrs.Model):
    """The model of the tutorial, over indices of users and videos."""

    def __init__(self, num_users: int, num_videos: int) -> None:
        """Makes both towers and the task."""
        super().__init__()
        self.users = tf.keras.layers.Embedding(num_users, _DIM)
        self.videos = tf.keras.layers.Embedding(num_videos, _DIM)
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, pairs: dict[str, Any], training: bool = False) -> Any:
        """Returns the in-batch softmax loss."""
        return self.task(self.users(pairs["user"]), self.videos(pairs["video"]))


def fit(watches: pl.DataFrame, epochs: int) -> Any:
    """Returns the trained model with ids, and the watched pairs."""
    tf.keras.utils.set_random_seed(0)
    users, rows = np.unique(watches["user_id"], return_inverse=True)
    videos, columns = np.unique(watches["video_id"], return_inverse=True)
    model = TwoTowers(len(users), len(videos))
    model.compile(optimizer=tf.keras.optimizers.Adagrad(0.1))
    pairs = tf.data.Dataset.from_tensor_slices({"user": rows, "video": columns})
    batches = pairs.shuffle(100_000, seed=0).batch(_BATCH).cache()
    model.fit(batches, epochs=epochs, verbose=0)
    return model, users, videos, (rows, columns)


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first, watched ones left out."""
    model, known, videos, (watchers, watched) = fitted
    vectors = model.users.embeddings.numpy(), model.videos.embeddings.numpy()
    rows = np.flatnonzero(np.isin(known, users.to_numpy()))
    found = []
    for start in range(0, len(rows), _USERS):
        own = rows[start : start + _USERS]
        scores = vectors[0][own] @ vectors[1].T
        seen = np.isin(watchers, own)
        scores[np.searchsorted(own, watchers[seen]), watched[seen]] = -np.inf
        found.append(np.argsort(-scores, axis=1)[:, :k])
    lists = np.concatenate(found)
    ids = {"user_id": known[np.repeat(rows, lists.shape[1])]}
    return pl.DataFrame({**ids, "video_id": videos[lists.ravel()]})
