"""A model and batches of the planted log, for the tests of every loss."""

import tensorflow as tf

from ytdnn import configs
from ytdnn.candidates import user_tower
from ytdnn.layers import randomness
from ytdnn.log import prepared, slice_batches

SEED = tf.constant([3, 4])
OTHERS = {  # the ranker's, and that of an encoder that reads in order
    randomness.RandomStream.SEQUENCE,
    randomness.RandomStream.OUTCOMES,
}


def config(**settings):
    settings = {"embedding_dim": 8, "tower": (16,), "history_length": 6} | settings
    return configs.CandidatesConfig(
        content=configs.ContentConfig(enabled=False),
        history_dropout=0.0,
        **settings,
        training=configs.TrainingConfig(batch_size=64),
    )


def counts(data):
    return data.videos[prepared.TRAIN_COUNT].to_numpy()[: data.vocabulary_size]


def batch(data, slice_length=1, size=64):
    read = user_tower.measure_inputs(config(), data)
    log = user_tower.open_log(read, slice_batches.training_set(data))
    batches = slice_batches.SliceBatches(log, size, slice_length, 6, seed=0)
    return next(iter(batches(0, 0)))


def gradient(loss, candidate_model, batch, seed=SEED):
    """Returns the mean loss and its gradient of the video table, row 0 left out."""
    with tf.GradientTape() as tape:
        total, weight = loss(batch, seed)
        mean = total / weight
    found = tape.gradient(mean, candidate_model.videos.table)
    return float(mean), tf.convert_to_tensor(found).numpy()[1:]
