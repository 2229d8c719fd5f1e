"""TensorFlow Recommenders, as its tutorials write it.

Its "retrieval using a sequential model" is followed: `tasks.Retrieval` with the other
labels of the batch as negatives, Adagrad of rate 0.1, `shuffle(10_000).batch().cache()`
and Keras' `fit`. In place of its GRU stand the mean of the watches and the dense layers
of its "using deep models in retrieval". Videos come as numbers, not as the tutorial's
strings, which have to be looked up.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from experiments.benchmarks.peers import pace


class Model(tfrs.Model):
    """The tutorial's model of two towers."""

    def __init__(self, task: pace.Task, num_videos: int) -> None:
        """Makes both towers, and the task with its metrics."""
        super().__init__()
        keras = tf.keras.layers
        self.query_model = tf.keras.Sequential(
            [
                keras.Embedding(num_videos + 1, task.dim, mask_zero=True),
                keras.GlobalAveragePooling1D(),
                *(keras.Dense(width, activation="relu") for width in task.hidden),
                keras.Dense(task.dim),
            ]
        )
        self.candidate_model = tf.keras.Sequential(
            [keras.Embedding(num_videos + 1, task.dim)]
        )
        movies = tf.data.Dataset.range(1, num_videos + 1)
        metrics = tfrs.metrics.FactorizedTopK(
            candidates=movies.batch(128).map(self.candidate_model)
        )
        self.task = tfrs.tasks.Retrieval(metrics=metrics)

    def compute_loss(
        self, features: dict[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Returns the loss; metrics are computed outside training alone."""
        return self.task(
            self.query_model(features["context_movie_id"]),
            self.candidate_model(features["label_movie_id"]),
            compute_metrics=not training,
        )


class Paced(tf.keras.callbacks.Callback):
    """Tells the pace each step and epoch."""

    def __init__(self, run: pace.Pace, sizes: list[int]) -> None:
        """Takes the examples of each batch of an epoch."""
        super().__init__()
        self.run, self.sizes = run, sizes

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Stops the training where it is over."""
        del logs
        self.model.stop_training = self.run.step(self.sizes[batch])

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the training where it is over."""
        del epoch, logs
        if not self.run.is_over:
            self.model.stop_training = self.run.epoch()


def train(task: pace.Task, events: pace.Events) -> pace.Pace:
    """Trains by Keras' `fit`."""
    tf.keras.utils.set_random_seed(0)  # Keras draws its first weights by Python's
    contexts, labels = events.examples(task.history, task.examples)
    examples = tf.data.Dataset.from_tensor_slices(
        {"context_movie_id": contexts, "label_movie_id": labels}
    )
    cached = examples.shuffle(10_000).batch(task.batch).cache()
    model = Model(task, events.num_videos)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(learning_rate=0.1))
    asked = events.of_asked(task.history)

    def hand_over() -> pace.Arrays:
        everything = np.arange(1, events.num_videos + 1)
        starts = range(0, len(asked), task.batch)
        users = [model.query_model(asked[i : i + task.batch]) for i in starts]
        videos = model.candidate_model(everything)
        return {"users": np.concatenate(users), "videos": np.asarray(videos)}

    starts = range(0, len(labels), task.batch)
    sizes = [min(task.batch, len(labels) - start) for start in starts]
    run = pace.Pace(task, hand_over, warm_up=len(sizes) + 2)  # the cache is full
    model.fit(cached, epochs=10**9, callbacks=[Paced(run, sizes)], verbose=0)
    return run


if __name__ == "__main__":
    pace.main(train)
