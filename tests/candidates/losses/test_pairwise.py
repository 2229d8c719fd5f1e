"""The rank losses of docs/examples, and the draws that any Keras loss has."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from tests.candidates.losses import setting
from ytdnn.base import registries, schema
from ytdnn.candidates import losses, model
from ytdnn.candidates.losses import drawn_negatives

KINDS = ["bpr", "warp", "gbce"]


@pytest.fixture(scope="module")
def example():
    """The module of the example, its losses registered for these tests."""
    with extras.registered():
        yield extras.module(extras.EXAMPLES / "rank_losses.py")


@pytest.fixture
def config(example, request):
    """The settings of a loss by its kind."""
    return registries.LOSSES[request.param].config()


def _made(data, loss, **settings):
    config = setting.config(loss=loss, **settings)
    tf.keras.utils.set_random_seed(0)
    candidate_model = model.build(config, data)
    return losses.make(config, candidate_model, setting.counts(data)), candidate_model


def _floats(*values):
    return tf.constant(values, tf.float32)


def _losses(loss, positive, negative, counts=None):
    """Returns the losses of scores; a negative whose count is 0 does not count."""
    if counts is not None:
        negative = tf.where(counts > 0.0, negative, drawn_negatives.NEVER)
    return loss.call(None, tf.concat([positive[:, tf.newaxis], negative], axis=1))


def test_bpr_is_the_mean_over_the_negatives_that_count(example):
    scores = _floats(2.0), _floats([1.0, 3.0, 9.0]), _floats([1, 1, 0])
    found = _losses(example.BPR(), *scores)
    expected = (math.log1p(math.exp(-1.0)) + math.log1p(math.exp(1.0))) / 2
    assert float(found[0]) == pytest.approx(expected)


def test_warp_weighs_violators_by_the_rank_that_they_say(example):
    positive = _floats(2.0, 2.0)
    negative = _floats([0.0, 1.5, 3.0, 9.0], [0.0, 0.9, -5.0, 0.5])
    counts = _floats([1, 1, 1, 0], [1, 1, 1, 1])
    # Of three, two are within the margin, by 0.5 and 2: the rank is 2/3 of 100.
    expected = math.log1p(200 / 3) * (0.5 + 2.0) / 2
    found = _losses(example.WARP(101), positive, negative, counts).numpy()
    assert found == pytest.approx([expected, 0.0])


def test_gbce_with_all_negatives_or_no_calibration_is_binary_cross_entropy(example):
    positive, negative = _floats(0.7), _floats([-0.2, 1.1])
    for num_videos, calibration in ((3, 1.0), (1_000, 0.0)):
        against = math.log(num_videos - 1)  # the odds that scores count from
        plain = math.log1p(math.exp(against - 0.7)) + sum(
            math.log1p(math.exp(x - against)) for x in (-0.2, 1.1)
        )
        found = _losses(example.GBCE(num_videos, 2, calibration), positive, negative)
        assert float(found[0]) == pytest.approx(plain)


def test_gbce_makes_up_for_the_negatives_that_were_not_drawn(example):
    # Of a video watched with probability p, the minimum of the expected loss with
    # t = 1 is where σ(score) is that of all videos as negatives, not of the drawn ones.
    num_videos, share = 101, 0.02
    score = tf.Variable([0.0])
    gbce = example.GBCE(num_videos, 10, calibration=1.0)
    for _ in range(400):
        with tf.GradientTape() as tape:
            as_label = _losses(gbce, score, _floats([drawn_negatives.NEVER]))
            as_negative = _losses(gbce, _floats(100.0), score[:, tf.newaxis])
            drawn = (1 - share) * 10 / (num_videos - 1)
            loss = share * as_label + drawn * as_negative
        score.assign_sub(20.0 * tape.gradient(loss, score))
    found = tf.sigmoid(score - math.log(num_videos - 1))
    assert float(found[0]) == pytest.approx(share, abs=2e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("config", KINDS, indirect=True)
@pytest.mark.parametrize(
    "similarity", ["dot", pytest.param("cosine", marks=pytest.mark.thorough)]
)
def test_a_step_lifts_labels_above_others(data, config, similarity):
    loss, candidate_model = _made(data, config, similarity=similarity, temperature=0.3)
    batch = setting.batch(data)
    optimizer = tf.keras.optimizers.Adam(0.02)
    before = _rank(candidate_model, batch)

    @tf.function(autograph=False)
    def train(seed):
        with tf.GradientTape() as tape:
            total, weight = loss(batch, seed)
            mean = total / weight
        variables = candidate_model.trainable_variables
        pairs = zip(tape.gradient(mean, variables), variables, strict=True)
        optimizer.apply_gradients((g, v) for g, v in pairs if g is not None)

    for step in range(60):
        train(tf.constant([0, step]))
    assert _rank(candidate_model, batch) < 0.7 * before


def _rank(candidate_model, batch):
    """Returns the mean rank of the labels by the scores that are served."""
    queries = candidate_model.query_vectors(batch)[:, 0].numpy()
    scores = queries @ candidate_model.video_vectors().T
    labels = batch[schema.LABELS].numpy()[:, 0] - 1
    own = scores[np.arange(len(labels)), labels]
    return np.mean(np.sum(scores > own[:, np.newaxis], axis=1))


@pytest.mark.parametrize("config", KINDS, indirect=True)
def test_accidental_hits_and_padding_count_nothing(data, config, monkeypatch):
    batch = {name: values[:2] for name, values in setting.batch(data).items()}
    label = int(batch[schema.LABELS][0, 0])
    batch[schema.LABELS] = tf.fill([2, 1], label)
    batch[schema.WEIGHTS] = tf.constant([[1.0], [0.0]])
    counts = np.zeros(data.vocabulary_size)
    counts[label - 1] = 1e30
    candidate_model = model.build(setting.config(loss=config), data)
    if config.kind != "gbce":  # which expects uniform draws
        with monkeypatch.context() as patch:
            patch.setattr(type(config), "proposal_exponent", 1.0)
            loss = losses.make(setting.config(loss=config), candidate_model, counts)
            assert float(loss(batch, setting.SEED)[0]) == 0.0
    own = setting.config(loss=config)
    loss = losses.make(own, candidate_model, setting.counts(data))
    total, weight = loss(batch, setting.SEED)
    first = {name: values[:1] for name, values in batch.items()}
    assert float(total) == pytest.approx(float(loss(first, setting.SEED)[0]))
    assert float(weight) == 1.0


@pytest.mark.parametrize("config", KINDS, indirect=True)
def test_the_gradient_touches_only_the_rows_of_the_batch(data, config):
    loss, candidate_model = _made(data, config)
    with tf.GradientTape() as tape:
        total, _ = loss(setting.batch(data), setting.SEED)
    found = tape.gradient(total, candidate_model.videos.table)
    assert isinstance(found, tf.IndexedSlices)


def test_bfloat16_products_give_about_the_same_loss(data, example):
    found = [
        float(
            _made(data, example.BPRConfig(), precision=precision)[0](
                setting.batch(data), setting.SEED
            )[0]
        )
        for precision in ("float32", "bfloat16")
    ]
    assert found[0] == pytest.approx(found[1], rel=0.01)
