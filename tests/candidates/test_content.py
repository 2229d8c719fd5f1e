"""The content side of the video tables: new videos are retrieved by what they are."""

import dataclasses

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import changed_log, uploads
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.base.configs import networks
from ytdnn.base.metrics import exact_top_k
from ytdnn.candidates import content, losses, model, user_tower
from ytdnn.evaluation import lists, user_cases
from ytdnn.log import events, prepared, slice_batches
from ytdnn.run.pipeline import steps
from ytdnn.training import candidates

SEED = tf.constant([3, 4])
LOSSES = {
    "sampled": configs.SampledSoftmaxConfig(num_negatives=16),
    "in_batch": configs.SampledSoftmaxConfig(num_negatives=0),
    "full": configs.FullSoftmaxConfig(label_smoothing=0.1),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return uploads.prepared_data(tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("trained")
    candidates.train(uploads.config(), data, directory / "candidates")
    return model.load(directory / "candidates", data)


def built(data, **settings):
    """Returns an untrained model, every weight large as after a training."""
    made = model.build(uploads.config(**settings).candidates, data)
    for i, variable in enumerate(made.trainable_variables):
        variable.assign(tf.random.stateless_normal(variable.shape, [7, i]))
    return made


def recall_of_new(data, trained, k=3):
    """Returns the share of the new answers that lists of k hold."""
    config = configs.EvaluationConfig()
    cases = user_cases.cases(data, events.Split.TEST, config, trained.num_listed)
    users = trained.user_vectors(data, cases.users, cases.ends, cases.times)
    videos = trained.video_vectors(int(cases.times.max()))
    found = lists.from_vectors(cases, users, videos, 2 * k)
    new = cases.targets.select(cases.targets.values > data.vocabulary_size)
    listed = np.sort(np.where(found > data.vocabulary_size, found, 0))[:, ::-1]
    hits = exact_top_k.hits_of(np.ascontiguousarray(listed), *new)
    return hits.sum() / len(new.values)


def test_new_videos_are_found_by_their_channel(data, trained):
    new = data.videos["video_id"].to_list().index("v51") + 1
    assert new > data.vocabulary_size
    assert recall_of_new(data, trained) > 0.8


@pytest.mark.thorough
@pytest.mark.parametrize("loss", ["full", "in_batch"])
def test_every_loss_trains_content(data, tmp_path, loss):
    candidates.train(uploads.config(loss=LOSSES[loss]), data, tmp_path / "candidates")
    assert recall_of_new(data, model.load(tmp_path / "candidates", data)) > 0.8


def test_without_content_no_list_holds_a_new_video(data, tmp_path):
    candidates.train(uploads.config(content=False), data, tmp_path / "candidates")
    found = model.load(tmp_path / "candidates", data)
    assert found.num_listed == len(found.video_vectors()) == data.vocabulary_size
    assert recall_of_new(data, found) == 0.0


def test_a_log_without_columns_of_videos_has_no_content(tmp_path):
    log = uploads.tables()
    log["videos"] = log["videos"].select("video_id", "upload_time")
    data = uploads.prepared_data(tmp_path, log)
    made = model.build(uploads.config().candidates, data)
    assert made.content is None
    assert made.num_listed == data.vocabulary_size


def test_content_reads_what_columns_there_are(data):
    read = content.from_config(configs.CandidatesConfig(), data)
    names = [feature.name for feature in read.features]
    assert sorted(names) == ["channel_id", "duration_seconds", "title"]


def test_a_vector_is_removed_as_any_feature_of_content(tmp_path):
    log = uploads.tables()
    rows = np.random.default_rng(0).normal(size=(log["videos"].height, 3))
    log["videos"] = log["videos"].with_columns(clip=pl.Series(rows.astype(np.float32)))
    data = uploads.prepared_data(tmp_path, log)
    removed = configs.FeaturesConfig(remove=("videos.clip",))
    for features, is_read in ((configs.FeaturesConfig(), True), (removed, False)):
        of_content = configs.ContentConfig(features=features)
        config = configs.Config(candidates=configs.CandidatesConfig(content=of_content))
        steps.require_features(config, data)
        read = content.from_config(config.candidates, data)
        assert ("videos.clip" in [f.name for f in read.features]) == is_read


def test_vectors_are_those_of_the_id_and_of_the_content(data):
    made = built(data)
    of_content = made.content(tf.range(1, data.num_videos + 1)).numpy()
    vectors = made.video_vectors() - np.eye(9)[8] * made.ages.at()[1:, np.newaxis]
    ids = np.zeros_like(of_content)
    size = data.vocabulary_size
    ids[:size, :-1] = made.videos.table.numpy()[1:]
    ids[:size, -1] = made.bias.numpy()[1:]
    np.testing.assert_allclose(vectors, ids + of_content, atol=1e-5)


def test_a_video_of_which_nothing_is_known_has_the_zero_vector(data):
    made = built(data)
    bare = (
        data.videos["video_id"].to_list().index(f"v{uploads.NUM_OLD + uploads.NUM_NEW}")
    )
    assert not made.content.known(tf.constant([bare + 1]))
    np.testing.assert_array_equal(made.video_vectors()[bare], np.zeros(9))


def test_in_training_ids_are_dropped_with_their_bias(data):
    made = built(data)
    videos = tf.range(1, data.vocabulary_size + 1)
    rows, bias = (values.numpy() for values in made.columns(videos))
    dropped, of_dropped = (values.numpy() for values in made.columns(videos, SEED))
    of_content = made.content(videos).numpy()
    is_dropped = np.any(dropped != rows, axis=1)
    assert 0.1 < is_dropped.mean() < 0.6
    np.testing.assert_array_equal(of_dropped != bias, is_dropped)
    np.testing.assert_allclose(
        np.c_[dropped, of_dropped][is_dropped], of_content[is_dropped], atol=1e-6
    )
    again, _ = made.columns(videos)
    np.testing.assert_array_equal(again, rows)


def test_a_frozen_model_is_the_trained_one(data, tmp_path):
    made = built(data)
    config = configs.to_dict(configs.Config(candidates=made.config))
    made_from = {prepared.KIND: data.manifest.fingerprint}
    with artifacts.publish(tmp_path / "c", model.KIND, config, made_from) as partial:
        model.save(made, partial)
    loaded = model.load(tmp_path / "c", data)
    np.testing.assert_array_equal(loaded.video_vectors(), made.video_vectors())
    users, ends = data.windows.first_watches(events.Split.TEST)
    np.testing.assert_allclose(
        loaded.user_vectors(data, users, ends),
        made.user_vectors(data, users, ends),
        atol=1e-5,
    )
    names = [variable.name for variable in loaded.user_variables]
    assert not any("channel_id" in name for name in names)
    assert any("channel_id" in variable.name for variable in made.user_variables)
    table = loaded.user_tower.watches.videos.table
    assert table.shape == [data.num_videos + 1, 8]
    assert any(variable is table for variable in loaded.user_variables)


def _without_later_events(data):
    """Returns the set with other videos in every watch after the training window."""
    watches = data.watches
    is_later = np.asarray(watches.splits) != events.Split.TRAIN
    others = np.asarray(watches.videos) % data.num_videos + 1
    videos = np.where(is_later, others, np.asarray(watches.videos))
    return changed_log.with_tables(
        data, watches=watches.replace(videos=videos.astype(np.int32))
    )


def test_nothing_that_content_measures_sees_the_future(data):
    config = configs.CandidatesConfig()
    found, other = (
        content.from_config(config, d) for d in (data, _without_later_events(data))
    )
    assert found.measured == other.measured
    assert found.ages.log_rates == other.ages.log_rates
    np.testing.assert_array_equal(found.ages.at(), other.ages.at())


def batch_of(data, made, size=8):
    log = user_tower.open_log(made.tower_inputs, slice_batches.training_set(data))
    return next(iter(slice_batches.SliceBatches(log, size, 1, 8, seed=0)(0, 0)))


def loss_of(data, made):
    return losses.make(made.config, made, np.ones(data.vocabulary_size))


def operations_of_the_catalogues_size(data, loss):
    """Returns the kinds of a training step's operations with such an output."""
    made = built(data, loss=LOSSES[loss])
    loss, batch = loss_of(data, made), batch_of(data, made)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            total, _ = loss(batch, SEED)
        found = tape.gradient(total, made.trainable_variables)
        return [g.values if isinstance(g, tf.IndexedSlices) else g for g in found]

    graph = step.get_concrete_function(batch).graph
    sizes = {data.num_videos + 1, data.vocabulary_size + 1}
    return {
        op.type
        for op in _all_operations(graph)
        for output in op.outputs
        if output.shape.rank and sizes & set(output.shape.as_list())
    }


@pytest.mark.thorough
def test_no_operation_of_a_sampled_step_is_of_the_catalogues_size(data):
    """What is held is read by rows: constants, and what graphs are handed."""
    found = operations_of_the_catalogues_size(data, "sampled")
    assert found <= {"Const", "Placeholder", "Identity"}
    assert "MatMul" in operations_of_the_catalogues_size(data, "full")


def test_a_sampled_step_scores_by_age_what_was_out(data, monkeypatch):
    """The loss by hand: each query's columns with the offset of the label's time."""
    monkeypatch.setattr(networks, "ID_DROPOUT", 0.0)
    made = built(data, history_dropout=0.0)
    loss, batch = loss_of(data, made), batch_of(data, made, 16)
    days = np.asarray(batch[schema.LABEL_TIMES])[:, 0] // 86_400
    young = dataclasses.replace(
        made.ages,
        upload_days=np.full(data.num_videos + 1, int(np.median(days)), np.int32),
    )
    made.ages = dataclasses.replace(young, log_rates=tuple(np.arange(401) / 40))
    total, _ = loss(batch, SEED)
    queries = made.flat_queries(batch, SEED).numpy()
    labels = batch[schema.LABELS].numpy()[:, 0]
    users = batch[schema.USER_INDICES].numpy()[:, 0]
    negatives = loss.proposal.sample(16, SEED).numpy()
    columns = np.append(labels, negatives)
    rows, bias = (v.numpy() for v in made.columns(tf.constant(columns)))
    ages = np.clip(days - np.median(days), 0, 400)[:, np.newaxis]
    is_own = np.eye(len(labels), len(columns), dtype=bool)
    other = np.c_[
        users[:, np.newaxis] != users, np.ones((len(users), len(negatives)), bool)
    ]
    in_batch = (users[:, np.newaxis] != users).sum(axis=1).mean()
    expected = loss.expected_counts(
        tf.constant(columns), tf.constant(in_batch, tf.float32)
    )
    scores = queries @ rows.T + bias + ages / 40
    logits = np.where(is_own, scores, scores - np.log(expected))
    seen = other & (columns != labels[:, np.newaxis])
    seen &= (days >= int(np.median(days)))[:, np.newaxis]
    logits = np.where(is_own | seen, logits, -np.inf)
    weights = batch[schema.WEIGHTS].numpy()[:, 0]
    exponentials = np.exp(logits.astype(np.float64))
    shares = exponentials[is_own] / exponentials.sum(axis=1)
    assert 0 < (days < np.median(days)).sum() < len(days)
    np.testing.assert_allclose(total, -(weights * np.log(shares)).sum(), rtol=1e-3)


def _all_operations(graph):
    yield from graph.get_operations()
    for name in graph._functions:
        yield from graph._get_function(name).graph.get_operations()


def test_an_ensemble_lists_new_videos(data, trained):
    both = model.joined([trained, trained])
    assert both.num_listed == data.num_videos
    assert both.video_vectors(5).shape == (data.num_videos, 18)
    first = both.video_vectors(5)[:, :9]
    np.testing.assert_allclose(first, trained.video_vectors(5) / 2, atol=1e-6)
    assert dataclasses.asdict(both.config)["content"]["enabled"]


def test_a_final_fit_is_loaded_as_it_was_trained(data, tmp_path):
    """Its training window is longer than that of the prepared set."""
    longer = data.with_validation_in_training()
    made = model.build(uploads.config(train_on_validation=True).candidates, longer)
    config = configs.to_dict(configs.Config(candidates=made.config))
    made_from = {prepared.KIND: data.manifest.fingerprint}
    with artifacts.publish(tmp_path / "c", model.KIND, config, made_from) as partial:
        model.save(made, partial)
    loaded = model.load(tmp_path / "c", data)
    assert made.ages.traffic != content.from_config(made.config, data).ages.traffic
    np.testing.assert_array_equal(loaded.video_vectors(), made.video_vectors())
