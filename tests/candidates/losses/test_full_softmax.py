import numpy as np
import pytest
import tensorflow as tf

from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import losses, model


def _loss(data, label_smoothing=0.0, **settings):
    loss = configs.FullSoftmaxConfig(label_smoothing=label_smoothing)
    config = setting.config(loss=loss, **settings)
    candidate_model = model.build(config, data)
    loss = losses.make(config, candidate_model, setting.counts(data))
    return loss, candidate_model


def test_initial_loss_is_the_logarithm_of_the_corpus(data):
    loss, _ = _loss(data)
    total, weight = loss(setting.batch(data), setting.SEED)
    assert float(total / weight) == pytest.approx(
        np.log(data.vocabulary_size), abs=0.05
    )


def test_label_smoothing_raises_the_loss_of_a_sure_model(data):
    batch = setting.batch(data)
    label = int(batch[schema.LABELS][0, 0])
    first = {name: values[:1] for name, values in batch.items()}
    results = []
    for smoothing in (0.0, 0.2):
        loss, candidate_model = _loss(data, label_smoothing=smoothing)
        candidate_model.bias.assign(tf.one_hot(label, data.vocabulary_size + 1) * 20.0)
        results.append(float(loss(first, setting.SEED)[0]))
    assert results[0] < 0.1 < results[1]


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_the_loss_is_of_the_scores_that_are_served(data, similarity):
    loss, candidate_model = _loss(data, similarity=similarity, temperature=0.1)
    candidate_model.bias.assign(tf.random.normal([data.vocabulary_size + 1], seed=1))
    batch = setting.batch(data)
    queries = candidate_model.query_vectors(batch)[:, 0].numpy()
    scores = queries @ candidate_model.video_vectors().T
    labels = batch[schema.LABELS].numpy()[:, 0]
    log_total = np.logaddexp.reduce(scores, axis=1)
    expected = np.sum(log_total - scores[np.arange(len(labels)), labels - 1])
    total, _ = loss(batch, setting.SEED)
    assert float(total) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_share_of_the_target_is_what_the_teachers_say(data, share):
    """Of two teachers, whose scores' mean counts; they get no gradient."""
    config = setting.config(
        loss=configs.FullSoftmaxConfig(), ensemble_size=3, distillation=share
    )
    networks = [model.build(config, data) for _ in range(3)]
    for seed, network in enumerate(networks):
        bias = tf.random.stateless_normal([data.vocabulary_size + 1], [seed, 7])
        network.bias.assign(3.0 * bias)
    batch = setting.batch(data)
    scores = [
        network.query_vectors(batch)[:, 0].numpy() @ network.video_vectors().T
        for network in networks
    ]
    labels = batch[schema.LABELS].numpy()[:, 0]
    own = np.array(tf.nn.log_softmax(scores[2]))
    taught = np.array(tf.nn.softmax((scores[0] + scores[1]) / 2))
    taught = (1 - share) * np.eye(taught.shape[1])[labels - 1] + share * taught
    loss = losses.make(config, networks[2], setting.counts(data), networks[:2])
    with tf.GradientTape() as tape:
        total, _ = loss(batch, setting.SEED)
    assert float(total) == pytest.approx(-np.sum(taught * own), rel=1e-4)
    of_teachers = tape.gradient(total, [n.videos.table for n in networks[:2]])
    assert of_teachers == [None, None]
