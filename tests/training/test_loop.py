import dataclasses
import functools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from tests.training import kills
from ytdnn import configs
from ytdnn.base import artifacts, errors, progress, schema
from ytdnn.candidates import model
from ytdnn.layers import randomness
from ytdnn.log import batch_streams, events
from ytdnn.training import candidates, checkpoints, counted_start, device_strategy, loop


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("own"), events_per_shard=400)


def _config(**training):
    settings = {"epochs": 3, "batch_size": 64, "patience": 3} | training
    config = planted.tiny_config()
    replaced = dataclasses.replace(
        config.candidates,
        training=configs.TrainingConfig(**settings),
        label=configs.NextWatchConfig(slice_length=4),
        dropout=0.2,
    )
    return dataclasses.replace(config, candidates=replaced)


def _vectors(directory, data):
    return model.load(directory, data).video_vectors()


@pytest.mark.thorough
def test_the_planted_tastes_are_learned(data, tmp_path):
    config = _config(epochs=30, patience=30, learning_rate=0.01)
    candidates.train(config, data, tmp_path / "candidates")
    trained = model.load(tmp_path / "candidates", data)
    users, ends = data.windows.first_watches(events.Split.TEST)
    scores = trained.user_vectors(data, users, ends) @ trained.video_vectors().T
    taste = [int(video.split()[1]) % 2 for video in data.videos["video_id"]]
    own = np.array([int(u[1:]) % 2 for u in data.users["user_id"][users]])
    best = np.array(taste)[scores.argmax(axis=1)]
    assert np.mean(best == own) > 0.9


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """Trains with some settings, once for all kills of such a training."""

    @functools.cache
    def train(settings):
        directory = tmp_path_factory.mktemp("undisturbed") / "candidates"
        candidates.train(_config(**dict(settings)), data, directory)
        return _vectors(directory, data)

    return train


# Several steps in a call make the numbers of single ones, so they share them.
_BY_ROWS, _WHOLE = ({"table_optimizer": kind} for kind in ("lazy_adam", "adam"))


@pytest.mark.parametrize(
    ("killed_after", "settings", "more"),
    [
        # In the first epoch, before its first checkpoint; in the second; in the last.
        pytest.param(3, _BY_ROWS, {}, marks=pytest.mark.thorough),
        (17, {}, {}),
        pytest.param(17, {}, {"steps_per_execution": 3}, marks=pytest.mark.thorough),
        pytest.param(26, _WHOLE, {}, marks=pytest.mark.thorough),
    ],
)
def test_a_killed_training_ends_with_the_numbers_of_an_undisturbed_one(
    data, tmp_path, monkeypatch, undisturbed, killed_after, settings, more
):
    expected = undisturbed(tuple(settings.items()))
    config = _config(**settings, **more)
    monkeypatch.setattr(configs.TrainingConfig, "checkpoint_every_steps", 4)
    kills.kill_once_after(monkeypatch, killed_after)
    with pytest.raises(kills.KilledError):
        candidates.train(config, data, tmp_path / "killed")
    assert not (tmp_path / "killed").exists()
    candidates.train(config, data, tmp_path / "killed")
    np.testing.assert_array_equal(_vectors(tmp_path / "killed", data), expected)
    assert not (tmp_path / ".killed.training").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("window_events", [1_000_000, 400])
def test_several_steps_in_a_call_give_the_numbers_of_single_ones(
    sharded, tmp_path, monkeypatch, window_events
):
    """Calls end with the epoch, its windows, and where a checkpoint is due."""
    assert (len(batch_streams.ShardWindows(sharded, window_events)) > 1) == (
        window_events < 500
    )
    monkeypatch.setattr(configs.TrainingConfig, "checkpoint_every_steps", 4)
    monkeypatch.setattr(configs.CandidatesConfig, "window_events", window_events)
    one = _config(epochs=2)
    own = one.candidates
    training = dataclasses.replace(own.training, steps_per_execution=3)
    several = dataclasses.replace(
        one, candidates=dataclasses.replace(own, training=training)
    )
    manifests = []
    for name, config in (("one", one), ("several", several)):
        candidates.train(config, sharded, tmp_path / name)
        manifests.append(artifacts.read_manifest(tmp_path / name, model.KIND))
    np.testing.assert_array_equal(
        _vectors(tmp_path / "one", sharded), _vectors(tmp_path / "several", sharded)
    )
    assert manifests[0].facts["validation"] == manifests[1].facts["validation"]
    assert manifests[0].fingerprint == manifests[1].fingerprint  # so it is not stale


@pytest.mark.thorough
def test_seeds_differ_and_repeat(data, tmp_path):
    config = _config(epochs=1)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        candidates.train(dataclasses.replace(config, seed=seed), data, tmp_path / name)
    a, b, c = (_vectors(tmp_path / name, data) for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)
    fingerprints = [
        artifacts.read_manifest(tmp_path / name, model.KIND).fingerprint
        for name in "ab"
    ]
    assert fingerprints[0] == fingerprints[1]


def test_what_was_trained_with_another_config_is_not_resumed(tmp_path):
    first = checkpoints.workspace(tmp_path / "candidates", {"a": 1}, {})
    (first / "latest").mkdir()
    assert (checkpoints.workspace(tmp_path / "candidates", {"a": 1}, {})) == first
    assert (first / "latest").exists()
    checkpoints.workspace(tmp_path / "candidates", {"a": 2}, {})
    assert not (first / "latest").exists()


def test_a_network_of_a_version_without_other_models_is_current():
    """The artefacts of 0.2 have no setting `candidates.model`."""
    assert "model" not in candidates.step_config(configs.Config())["candidates"]


def test_training_stops_when_validation_no_longer_improves(data, tmp_path):
    config = _config(epochs=50, patience=2)
    randomness.set_seed(0)
    candidate_model = model.build(config.candidates, data)
    stage = candidates.make_stage(config, data, candidate_model)
    values = iter([0.1, 0.3, 0.2, 0.3])
    weights = []

    def validate():
        weights.append(candidate_model.video_vectors())
        return {"quality": next(values)}

    stage = dataclasses.replace(stage, validate=validate, monitor="quality")
    facts = loop.fit(
        stage, config.candidates.training, 0, device_strategy.make("none"), tmp_path
    )
    assert (facts["epochs"], facts["best_epoch"]) == (4, 2)
    np.testing.assert_array_equal(candidate_model.video_vectors(), weights[1])


def test_the_weights_at_a_pause_are_not_chosen(data, tmp_path):
    config = _config(epochs=3, patience=3)
    stage = candidates.make_stage(config, data, model.build(config.candidates, data))
    values = iter([0.9, 0.2, 0.3, 0.1])
    stage = dataclasses.replace(
        stage, validate=lambda: {"quality": next(values)}, monitor="quality"
    )
    of_loop = (
        stage,
        config.candidates.training,
        0,
        device_strategy.make("none"),
        tmp_path,
    )
    loop.fit(*of_loop, pause_at=0.5)
    assert loop.fit(*of_loop)["best_epoch"] == 2


@pytest.mark.thorough
def test_a_refit_stops_after_the_best_epoch_of_the_same_schedule(data, tmp_path):
    """Its learning rate is that of all epochs, so on the same data it is the same."""
    config = _config(epochs=4, patience=4)
    randomness.set_seed(0)
    candidate_model = model.build(config.candidates, data)
    weights = []

    def validate():
        weights.append(candidate_model.video_vectors())
        return {"quality": -abs(len(weights) - 2.0)}

    stage = candidates.make_stage(config, data, candidate_model)
    stage = dataclasses.replace(stage, validate=validate, monitor="quality")
    training = config.candidates.training
    facts = loop.fit(
        stage, training, 0, device_strategy.make("none"), tmp_path / "work"
    )
    assert facts["best_epoch"] == 2
    chosen = artifacts.new_manifest(model.KIND, {}, {}, {}, facts)
    candidates.train(config, data, tmp_path / "refit", chosen)
    manifest = artifacts.read_manifest(tmp_path / "refit", model.KIND)
    assert manifest.facts["epochs"] == 2
    assert manifest.facts["validation"] == {}
    assert manifest.inputs["candidates"] == chosen.fingerprint
    np.testing.assert_array_equal(_vectors(tmp_path / "refit", data), weights[1])


def test_a_counted_start_is_kept_where_no_epoch_is_better(data, tmp_path):
    """Its refit makes no step either, and one that is resumed knows its value."""
    config = _config(epochs=50, patience=2)
    own = {"initial_vectors": "co_watched", "skip_connection": "linear"}
    config = dataclasses.replace(
        config, candidates=dataclasses.replace(config.candidates, **own)
    )
    randomness.set_seed(0)
    network = model.build(config.candidates, data)
    counted_start.set_weights(network, data)
    begun = network.video_vectors()
    stage = candidates.make_stage(config, data, network)
    values = iter([0.3, 0.2, 0.1])
    stage = dataclasses.replace(
        stage, validate=lambda: {"quality": next(values)}, monitor="quality"
    )
    fit = functools.partial(
        loop.fit, stage, config.candidates.training, 0, device_strategy.make("none")
    )
    facts = fit(tmp_path / "work")
    assert (facts["epochs"], facts["best_epoch"]) == (2, 0)
    assert facts["validation"] == {"quality": 0.3}
    np.testing.assert_array_equal(network.video_vectors(), begun)
    assert fit(tmp_path / "work")["best_epoch"] == 0  # no value is left to validate
    chosen = artifacts.new_manifest(model.KIND, {}, {}, {}, facts)
    candidates.train(config, data, tmp_path / "refit", chosen)
    np.testing.assert_array_equal(_vectors(tmp_path / "refit", data), begun)


def test_a_loss_that_is_no_number_is_one_line(data, tmp_path):
    config = _config(table_learning_rate=1e30, learning_rate=1e30)
    message = r"step \d+ of epoch 1 \(.*/.*learning_rate.*no checkpoint"
    with pytest.raises(errors.UserError, match=message):
        candidates.train(config, data, tmp_path / "candidates")


@pytest.mark.thorough
@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_the_last_good_checkpoint_survives(
    data, tmp_path, monkeypatch, steps_per_execution
):
    config = _config(steps_per_execution=steps_per_execution)
    monkeypatch.setattr(configs.TrainingConfig, "checkpoint_every_steps", 4)
    step = loop.Trainer._step

    def poisoned(trainer, batch, step_number):
        loss = step(trainer, batch, step_number)
        table = trainer.stage.model.videos.table
        bad = tf.cast(step_number >= 5, tf.float32) * np.inf
        table.assign(tf.where(tf.math.is_nan(bad), table, table + bad))
        return loss

    monkeypatch.setattr(loop.Trainer, "_step", poisoned)
    message = r"step 7 .*videos/table.* kept at "
    with pytest.raises(errors.UserError, match=message) as error:
        candidates.train(config, data, tmp_path / "candidates")
    kept = tf.train.load_checkpoint(str(error.value).rpartition(" kept at ")[2])
    values = {name: kept.get_tensor(name) for name in kept.get_variable_to_shape_map()}
    steps = [value for name, value in values.items() if "/iter/" in name]
    assert set(steps) == {4}
    numbers = [v for v in values.values() if getattr(v, "dtype", None) == np.float32]
    assert len(numbers) > 10
    assert all(np.isfinite(number).all() for number in numbers)


def test_a_missing_tpu_is_one_line():
    with pytest.raises(errors.UserError, match="expected a TPU"):
        _ = device_strategy.make("tpu").strategy


_REPLICAS = """
import sys, pathlib, dataclasses
from ytdnn import configs
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
from ytdnn.candidates import model
from ytdnn.log import prepared
from ytdnn.training import candidates, device_strategy, loop
from ytdnn.layers import randomness
from tests import planted
data = prepared.load(pathlib.Path(sys.argv[1]))
kind = sys.argv[2]
of_calls = {"steps_per_execution": 9}
settings = {"full_softmax": of_calls}.get(
    kind, {"table_optimizer": "lazy_adam"}
)
losses = {}
for name in ("none", "mirrored"):
    config = planted.tiny_config()
    changed = dict(
        loss=configs.choices()["candidates.loss"][kind](),
        history_dropout=0.0,
        label=configs.NextWatchConfig(slice_length=4),
    )
    if kind == "full_softmax":
        changed |= dict(ensemble_size=2, distillation=0.5)
    config = dataclasses.replace(
        config, candidates=dataclasses.replace(config.candidates, **changed)
    )
    training = dataclasses.replace(config.candidates.training, **settings)
    networks = []
    for seed in (1, 0):  # each network has a strategy of its own
        randomness.set_seed(seed)
        on = device_strategy.make(name)
        with on.scope():
            networks.append(model.build(config.candidates, data))
    teacher, candidate_model = networks
    stage = candidates.make_stage(config, data, candidate_model, before=[teacher])
    trainer = loop.Trainer(stage, training, 0, on)
    (dataset,) = stage.batches(0, 0)
    batches = on.strategy.experimental_distribute_dataset(dataset)
    if name == "mirrored" and kind == "full_softmax":
        losses[name] = [float(x) for xs, _ in trainer.calls(0, 0) for x in xs]
    else:
        losses[name] = [
            float(trainer.step(batch, tf.constant(i, tf.int64)))
            for i, batch in enumerate(batches)
        ]
    losses[name].append(float(np.abs(candidate_model.video_vectors()).sum()))
assert on.strategy.num_replicas_in_sync == 2
print("LOSSES", losses["none"], losses["mirrored"], sep="|")
"""


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["sampled_softmax", "full_softmax"])
def test_one_and_two_replicas_give_one_loss(data, repository, kind):
    done = subprocess.run(
        [sys.executable, "-c", _REPLICAS, str(data.directory), kind],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert "LOSSES" in done.stdout, done.stderr
    line = next(x for x in done.stdout.splitlines() if x.startswith("LOSSES"))
    one, two = (np.array(eval(values)) for values in line.split("|")[1:])
    assert len(one) >= 3
    np.testing.assert_allclose(two, one, rtol=1e-5)


def test_a_training_of_one_call_has_the_rate_of_that_call():
    meter = progress.Meter("candidates", 1, 3, 10)
    with meter:
        meter.add_steps(3, 6.0, 0, 3)
    assert meter.examples_per_second == pytest.approx(5.0)


def test_the_last_line_has_the_rate(data, tmp_path, capfd):
    candidates.train(_config(epochs=1), data, tmp_path / "candidates")
    printed = " ".join(capfd.readouterr().err.split())
    assert "candidates epoch 1/1: loss" in printed
    assert "examples/s" in printed
    assert list((tmp_path / "candidates" / "logs").glob("events*"))


@pytest.mark.thorough
def test_tables_may_have_the_gradient_of_the_sum(data):
    """Adagrad moves a row by g / √(a + g²): a sum of n with n² · a is a mean with a."""
    moved = []
    for kind, accumulator in (("mean", 0.1), ("sum", 0.1 * 64**2), ("sum", 0.1)):
        config = _config(table_gradient=kind, table_accumulator=accumulator)
        randomness.set_seed(0)
        network = model.build(config.candidates, data)
        stage = candidates.make_stage(config, data, network)
        before = network.video_vectors()
        trainer = loop.Trainer(
            stage, config.candidates.training, 0, device_strategy.make("none")
        )
        batch = next(iter(next(iter(stage.batches(0, 0)))))
        assert float(tf.reduce_sum(batch[schema.WEIGHTS])) == 64
        trainer.step(batch, tf.constant(0, tf.int64))
        moved.append(network.video_vectors() - before)
    np.testing.assert_allclose(moved[1], moved[0], rtol=1e-3, atol=1e-6)
    assert np.abs(moved[2]).max() > 5.0 * np.abs(moved[0]).max()


@pytest.mark.parametrize(
    ("asked", "examples", "used"),
    [
        (1_024, 10, 1_024),
        (2_000_000, 10, 1_024),
        (2_000_000, 1_025, 2_048),
        (4_096, 5_000, 4_096),
        (2_000_000, 0, 1_024),
    ],
)
def test_the_batch_is_about_the_data(
    capsys: pytest.CaptureFixture[str], asked: int, examples: int, used: int
) -> None:
    training = configs.TrainingConfig(batch_size=asked)
    config = configs.Config(ranking=configs.RankingConfig(training=training))
    capped = loop.capped_batches(config, "ranking", examples)
    assert capped.ranking.training.batch_size == used
    said = capsys.readouterr().err
    if asked == used:
        assert said == ""
    else:
        assert said == (
            f"note: ranking: training.batch_size is {asked:,}, but there are only "
            f"{examples:,} examples: {used:,} is used\n"
        )
