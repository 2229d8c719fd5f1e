import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import losses, model
from ytdnn.candidates.losses import full_softmax


def _loss(data, counts=None, *, of_model=None, **settings):
    loss = configs.SampledSoftmaxConfig(**settings)
    config = setting.config(loss=loss, **(of_model or {}))
    tf.keras.utils.set_random_seed(0)
    candidate_model = model.build(config, data)
    counts = setting.counts(data) if counts is None else counts
    return losses.make(config, candidate_model, counts), candidate_model


def _full(candidate_model):
    return full_softmax.FullSoftmax(
        configs.FullSoftmaxConfig(),
        losses.Learner(candidate_model, np.ones(1), "float32"),
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param({"in_batch": False}, marks=pytest.mark.thorough),
        pytest.param({"proposal_exponent": 0.0}, marks=pytest.mark.thorough),
        pytest.param(
            {"of_model": {"similarity": "cosine", "temperature": 0.5}},
            marks=pytest.mark.thorough,
        ),
    ],
    ids=str,
)
def test_gradient_is_the_full_one_on_average(data, settings):
    loss, candidate_model = _loss(data, num_negatives=2048, **settings)
    batch = setting.batch(data, size=128)
    _, expected = setting.gradient(_full(candidate_model), candidate_model, batch)
    draws = [
        setting.gradient(loss, candidate_model, batch, tf.constant([0, i]))[1]
        for i in range(60)
    ]
    average = np.mean(draws, axis=0)
    cosine = np.sum(average * expected)
    cosine /= np.linalg.norm(average) * np.linalg.norm(expected)
    assert cosine > 0.99


def test_loss_tends_to_the_full_one(data):
    loss, candidate_model = _loss(data, num_negatives=20_000)
    candidate_model.bias.assign(tf.random.normal([data.vocabulary_size + 1], seed=2))
    reference = _full(candidate_model)
    batch = setting.batch(data)
    expected, _ = setting.gradient(reference, candidate_model, batch)
    actual, _ = setting.gradient(loss, candidate_model, batch)
    assert actual == pytest.approx(expected, rel=0.01)


def _stock_task_loss(loss, candidate_model, batch):
    """The stock TFRS task, corrections riding in one more coordinate.

    The labels come twice: as what each row wants, not corrected, and as negatives.
    """
    config = candidate_model.config
    queries = candidate_model.query_vectors(batch)[:, 0]
    labels = batch[schema.LABELS][:, 0]
    users = batch[schema.USER_INDICES].numpy()[:, 0]
    negatives = loss.proposal.sample(config.loss.num_negatives, setting.SEED)
    columns = tf.concat([labels, labels, negatives], axis=0)
    other_user = users[:, np.newaxis] != users
    other_user &= config.loss.in_batch
    num_others = tf.constant(other_user.sum(axis=1).mean(), tf.float32)
    expected = loss.expected_counts(columns, num_others)
    is_wanted = np.arange(len(columns)) < len(users)
    last = tf.gather(candidate_model.bias, columns)
    last -= tf.where(is_wanted, 0.0, tf.math.log(expected))
    vectors = tf.gather(candidate_model.videos.table, columns)
    mask = np.ones([len(users), len(columns)], bool)
    mask[:, : len(users)] = np.eye(len(users), dtype=bool)
    mask[:, len(users) : 2 * len(users)] = other_user
    task = tfrs.tasks.Retrieval(remove_accidental_hits=True)
    return task(
        queries,
        tf.concat([vectors, last[:, tf.newaxis]], axis=1),
        candidate_ids=columns,
        score_mask=tf.constant(mask),
        compute_metrics=False,
    )


@pytest.mark.parametrize("number", [10, 100])  # of 100 draws many repeat
@pytest.mark.parametrize("in_batch", [True, False])
def test_value_and_gradient_equal_the_stock_task(data, in_batch, number):
    loss, candidate_model = _loss(data, num_negatives=number, in_batch=in_batch)
    candidate_model.bias.assign(tf.random.normal([data.vocabulary_size + 1], seed=3))
    batch = setting.batch(data)
    variables = candidate_model.trainable_variables
    results = []
    for function in (
        lambda: loss(batch, setting.SEED)[0],
        lambda: _stock_task_loss(loss, candidate_model, batch),
    ):
        with tf.GradientTape() as tape:
            value = function()
        gradients = tape.gradient(value, variables)
        results.append([value, *(tf.convert_to_tensor(g) for g in gradients)])
    assert len(results[0]) > 5
    for ours, stock in zip(*results, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=1e-3, atol=1e-4)


def test_bfloat16_products_give_about_the_same_gradient(data):
    results = []
    for precision in ("float32", "bfloat16"):
        of_model = {"precision": precision}
        loss, candidate_model = _loss(data, num_negatives=64, of_model=of_model)
        results.append(setting.gradient(loss, candidate_model, setting.batch(data))[1])
    assert np.any(results[0] != results[1])
    error = np.linalg.norm(results[0] - results[1]) / np.linalg.norm(results[0])
    assert error < 0.02


def test_expected_counts_are_those_of_the_columns_that_come(data):
    # Columns: 63 other users' labels by the unigram, and 16 draws of the proposal.
    loss, _ = _loss(data, num_negatives=16, proposal_exponent=1.0)
    counts = setting.counts(data)
    columns = tf.constant([1, 5, 9])
    expected = 63 * counts[[0, 4, 8]] / counts.sum() + 16 * counts[[0, 4, 8]] / sum(
        np.maximum(counts, 1)
    )
    actual = loss.expected_counts(columns, tf.constant(63.0))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_accidental_hits_are_no_negatives(data):
    # With one video in the corpus' proposal, every negative is the label itself.
    batch = {name: values[:1] for name, values in setting.batch(data).items()}
    counts = np.zeros(data.vocabulary_size)
    counts[int(batch[schema.LABELS][0, 0]) - 1] = 1e12
    loss, _ = _loss(data, counts, num_negatives=8)
    assert float(loss(batch, setting.SEED)[0]) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    "loss_config",
    [
        configs.FullSoftmaxConfig(),
        configs.SampledSoftmaxConfig(),
    ],
    ids=lambda loss_config: loss_config.kind,
)
def test_padding_has_no_weight(data, loss_config):
    config = setting.config(loss=loss_config)
    loss = losses.make(config, model.build(config, data), setting.counts(data))
    batch = dict(setting.batch(data))
    total, weight = loss(batch, setting.SEED)
    batch[schema.WEIGHTS] = batch[schema.WEIGHTS] * [[0.0]]
    empty, none = loss(batch, setting.SEED)
    assert float(weight) > 0.0
    assert float(total) > 0.0
    assert (float(empty), float(none)) == (0.0, 0.0)
