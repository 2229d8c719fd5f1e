"""Towers, encoders and heads without a run."""

import tensorflow as tf

from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import user_tower
from ytdnn.features import feature_choice
from ytdnn.ranking import heads

history = {
    schema.WATCH_ROWS: tf.constant([[0] * 17 + [3, 17, 256]]),  # oldest first, 0 = none
    schema.WATCH_ROW_TIMES: tf.constant([[0] * 17 + [60, 120, 180]], tf.int64),
    schema.FIRST_ROWS: tf.constant([[17]]),  # the row of each position's first watch
}
config = configs.CandidatesConfig(
    embedding_dim=32, history_length=20, tower=(64,), decay_rates=(0.8,)
)
inputs = user_tower.TowerInputs(vocabulary_size=1_000)
tower = user_tower.UserTower(config, inputs)
users = tower(history)  # [1, 1, 32]: a vector for each position

(bags,) = feature_choice.make_encoder(config, vocabulary_size=1_000)(
    history
)  # [1, 1, 2 * 32]

clicks = heads.Clicks(probability=0.2, seconds=40.0)
head = heads.make(configs.WeightedLogisticConfig(), clicks)
labels = heads.Labels(
    clicked=tf.constant([True, False]),
    seconds=tf.constant([35.0, 0.0]),
    durations=tf.constant([60.0, 60.0]),
)
losses = head.losses(tf.constant([[0.3], [-1.2]]), labels)  # [2]
