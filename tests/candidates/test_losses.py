import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import configs, schema
from ytdnn.candidates import losses, model
from ytdnn.data import inputs, prepared

SEED = tf.constant([3, 4])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _config(**settings):
    settings = {"embedding_dim": 8, "tower": (16,), "history_length": 6} | settings
    return configs.Candidates(
        history_dropout=0.0, **settings, training=configs.Training(batch_size=64)
    )


def _counts(data):
    return data.videos[prepared.TRAIN_COUNT].to_numpy()


def _batch(data, slice_length=1, size=64):
    log = inputs.training_log(data)
    batches = inputs.SliceBatches(log, size, slice_length, 6, seed=0)
    return next(iter(batches(0, 0)))


def _gradient(loss, candidate_model, batch, seed=SEED):
    with tf.GradientTape() as tape:
        total, weight = loss(batch, seed)
        mean = total / weight
    gradient = tape.gradient(mean, candidate_model.videos.table)
    return float(mean), tf.convert_to_tensor(gradient).numpy()[1:]


def test_initial_full_softmax_loss_is_the_logarithm_of_the_corpus(data):
    candidate_model = model.build(_config(loss="full_softmax"), data)
    loss = losses.make(candidate_model.config, candidate_model, _counts(data))
    total, weight = loss(_batch(data), SEED)
    assert float(total / weight) == pytest.approx(np.log(data.num_videos), abs=0.05)


def test_sampled_gradient_is_the_full_one_on_average(data):
    config = _config(num_negatives=512)
    candidate_model = model.build(config, data)
    batch = _batch(data, size=128)
    sampled = losses.SampledSoftmax(config, candidate_model, _counts(data))
    full = losses.FullSoftmax(config, candidate_model)
    _, expected = _gradient(full, candidate_model, batch)
    draws = [
        _gradient(sampled, candidate_model, batch, tf.constant([0, i]))[1]
        for i in range(20)
    ]
    average = np.mean(draws, axis=0)
    cosine = np.sum(average * expected)
    cosine /= np.linalg.norm(average) * np.linalg.norm(expected)
    assert cosine > 0.99


def test_expected_counts_are_those_drawn(data):
    config = _config(num_negatives=4000, proposal_exponent=0.5)
    candidate_model = model.build(config, data)
    loss = losses.SampledSoftmax(config, candidate_model, _counts(data))
    columns = tf.range(1, data.num_videos + 1)
    drawn = np.concatenate([loss.sample(tf.constant([1, i])) for i in range(20)])
    assert drawn.min() >= 1
    assert drawn.max() <= data.num_videos
    frequency = np.bincount(drawn, minlength=data.num_videos + 1)[1:] / 20
    expected = loss.expected_counts(columns, tf.constant(0.0))
    np.testing.assert_allclose(frequency, expected, rtol=0.15)


def test_corrected_scores_are_logits_minus_the_logarithm_of_expected_counts(data):
    config = _config(num_negatives=16)
    candidate_model = model.build(config, data)
    candidate_model.bias.assign(tf.range(data.num_videos + 1, dtype=tf.float32))
    loss = losses.SampledSoftmax(config, candidate_model, _counts(data))
    queries = candidate_model.query_vectors(_batch(data))[:, 0]
    columns = tf.constant([1, 5, 9])
    corrected = loss._corrected(columns, tf.constant(64.0))
    scores = tf.matmul(queries, corrected, transpose_b=True)
    unigram = _counts(data) / _counts(data).sum()
    proposal = np.maximum(_counts(data), 1) ** config.proposal_exponent
    proposal = proposal / proposal.sum()
    count = 64 * unigram[columns - 1] + 16 * proposal[columns - 1]
    vectors = tf.gather(candidate_model.videos.table, columns)
    logits = tf.matmul(queries[:, :-1], vectors, transpose_b=True)
    expected = logits + tf.cast(columns, tf.float32) - np.log(count)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_accidental_hits_are_no_negatives(data):
    # With one video in the corpus' proposal, every negative is the label itself.
    config = _config(num_negatives=8)
    candidate_model = model.build(config, data)
    batch = {name: values[:1] for name, values in _batch(data).items()}
    counts = np.zeros(data.num_videos)
    counts[int(batch[schema.LABELS][0, 0]) - 1] = 1e12
    loss = losses.SampledSoftmax(config, candidate_model, counts)
    assert float(loss(batch, SEED)[0]) == pytest.approx(0.0, abs=1e-3)


def test_columns_of_the_own_user_are_masked(data):
    config = _config(num_negatives=8)
    loss = losses.SampledSoftmax(config, model.build(config, data), _counts(data))
    users, weights = tf.constant([5, 5, 6]), tf.constant([1.0, 1.0, 0.0])
    mask = loss._score_mask(users, weights, tf.constant(3)).numpy()
    assert mask[:, 3:].all()
    assert mask[:, :3].tolist() == [
        [True, False, False],
        [False, True, False],
        [True, True, True],
    ]


def test_padding_has_no_weight(data):
    for kind in ("full_softmax", "sampled_softmax"):
        config = _config(loss=kind)
        candidate_model = model.build(config, data)
        loss = losses.make(config, candidate_model, _counts(data))
        batch = dict(_batch(data))
        total, weight = loss(batch, SEED)
        batch[schema.WEIGHTS] = batch[schema.WEIGHTS] * [[0.0]]
        empty, none = loss(batch, SEED)
        assert float(weight) > 0.0
        assert float(total) > 0.0
        assert (float(empty), float(none)) == (0.0, 0.0)


def test_label_smoothing_raises_the_loss_of_a_sure_model(data):
    results = []
    for smoothing in (0.0, 0.2):
        config = _config(loss="full_softmax", label_smoothing=smoothing)
        candidate_model = model.build(config, data)
        batch = _batch(data)
        label = int(batch[schema.LABELS][0, 0])
        bias = tf.one_hot(label, data.num_videos + 1) * 20.0
        candidate_model.bias.assign(bias)
        first = {name: values[:1] for name, values in batch.items()}
        loss = losses.make(config, candidate_model, _counts(data))
        results.append(float(loss(first, SEED)[0]))
    assert results[0] < 0.1 < results[1]
