"""Rankers with fewer rows than videos: their vectors, gradients and training."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from tests.ranking.test_network import CONFIG, MEASURED, make_network, request
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.base.metrics import binary
from ytdnn.layers import embeddings, randomness
from ytdnn.log import events, prepared
from ytdnn.ranking import building, network
from ytdnn.ranking import model as ranking_model
from ytdnn.training import features, optimizers, ranking

ROWS = 5  # for ten videos
HASHED = dataclasses.replace(CONFIG, hashed_rows=ROWS)
OF_EACH_USE = dataclasses.replace(HASHED, shared_table=False)
USES = ("shown", "last_watched", "history")


def num_trained(model: network.RankingNetwork) -> int:
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def vectors(model: network.RankingNetwork, use: str = "shown") -> np.ndarray:
    """Returns each video's sum of two rows, from the variables."""
    table = model.videos[use]
    found: np.ndarray = table.table.numpy()[table.row_numbers.numpy()].sum(axis=1)
    found[0] = 0.0
    return found


def test_without_them_each_video_has_a_row_as_before() -> None:
    model = make_network(seed=3)
    names = {variable.name for variable in model.variables}
    assert "videos/table:0" in names
    assert not any("row_numbers" in name or "shared_rows" in name for name in names)
    tf.keras.utils.set_random_seed(3)
    drawn_first = embeddings.RowsNormal(0.03)([11, 4])
    np.testing.assert_array_equal(model.videos["shown"].table, drawn_first)


def test_the_shared_table_has_the_rows() -> None:
    model = make_network(config=HASHED)
    assert [v.shape.as_list() for v in model.tables] == [[ROWS + 1, 4], [3, 4]]
    assert optimizers.table_name(model.tables[0]) == "videos"
    assert num_trained(make_network()) - num_trained(model) == (10 - ROWS) * 4
    copy = network.RankingNetwork.from_config(model.get_config())
    assert copy.videos["shown"].num_shared == ROWS


def test_each_use_has_rows_of_its_own_and_all_share_who_has_which() -> None:
    model = make_network(config=OF_EACH_USE)
    tables = [model.videos[use] for use in USES]
    assert [v.shape.as_list() for v in model.tables] == [[ROWS + 1, 4]] * 3 + [[3, 4]]
    assert {optimizers.table_name(v) for v in model.tables[:3]} == {
        f"videos_{use}" for use in USES
    }
    assert tables[0].row_numbers is tables[1].row_numbers is tables[2].row_numbers
    assert np.any(tables[0].table.numpy() != tables[1].table.numpy())
    assert sum("row_numbers" in v.name for v in model.variables) == 1


@pytest.mark.parametrize("config", [HASHED, OF_EACH_USE], ids=["shared", "of_each"])
def test_videos_enter_as_sums_of_their_rows(config: configs.RankingConfig) -> None:
    model = make_network(config=config)
    query = model._query(request([0, 2, 11, 3], [4]))[0, :8].numpy()
    history, last = (vectors(model, use) for use in ("history", "last_watched"))
    assert query[:4] == pytest.approx((history[2] + history[3]) / 2, abs=1e-7)
    assert query[4:] == pytest.approx(last[3], abs=1e-7)
    shown = model.video_coordinates(request([1, 2, 3], [4, 0, 11, 9])).numpy()[:, :4]
    of_shown = vectors(model)
    nothing = np.zeros(4)
    expected = [of_shown[4], nothing, nothing, of_shown[9]]
    np.testing.assert_allclose(shown, expected, rtol=1e-6)


def test_first_vectors_are_as_long_as_without_them() -> None:
    many = dataclasses.replace(MEASURED, vocabulary_size=4_000)
    config = dataclasses.replace(CONFIG, hashed_rows=2_000)
    model = make_network(config=config, measured=many)
    # 16,000 numbers of 8,000 drawn: an error of about 1 %.
    assert vectors(model)[1:].std() == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize("config", [HASHED, OF_EACH_USE], ids=["shared", "of_each"])
def test_both_rows_of_a_video_learn_and_no_other(config: configs.RankingConfig) -> None:
    model = make_network(config=config)
    table = model.videos["shown"]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(request([0, 0, 0], [4, 0, 11])))
    gradient = tape.gradient(total, table.table)
    assert isinstance(gradient, tf.IndexedSlices)
    learned = np.flatnonzero(tf.convert_to_tensor(gradient).numpy().any(axis=1))
    assert set(learned) == set(table.row_numbers.numpy()[4])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _config(**settings: object) -> configs.Config:
    own = {f"ranking.{name}": value for name, value in settings.items()}
    return configs.changed(planted.tiny_config(ranking_epochs=4), own)


@pytest.mark.thorough
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "of_each"])
def test_it_learns_and_the_same_seed_learns_the_same(
    data: prepared.PreparedData, tmp_path: pathlib.Path, shared: bool
) -> None:
    config = _config(hashed_rows=16, shared_table=shared)
    found = []
    for name in ("one", "two"):
        ranking.train(config, data, tmp_path / name)
        found.append(ranking_model.load(tmp_path / name, data))
    rows = np.flatnonzero(data.impressions.splits == events.Split.TEST)
    order, again = (model.predictions(data, rows).order for model in found)
    np.testing.assert_array_equal(order, again)
    assert binary.auc(data.impressions.clicked[rows], order) > 0.7
    randomness.set_seed(config.seed)
    fresh = building.build(config.ranking, data).network
    for trained, begun in zip(found[0].network.tables, fresh.tables, strict=True):
        assert np.abs(trained.numpy() - begun.numpy()).max() > 1e-3
    numbers = [each.videos["shown"].row_numbers for each in (found[0].network, fresh)]
    np.testing.assert_array_equal(*numbers)


def test_a_ranker_of_an_earlier_version_has_a_row_of_each_video(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    config = configs.changed(_config(), {"ranking.training.epochs": 1})
    ranking.train(config, data, tmp_path / "ranking")
    rows = np.flatnonzero(data.impressions.splits == events.Split.TEST)
    now = ranking_model.load(tmp_path / "ranking", data).predictions(data, rows)
    path = tmp_path / "ranking" / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    assert manifest["config"]["ranking"].pop("hashed_rows") == 0
    path.write_text(json.dumps(manifest | {"checksum": ""}))
    then = ranking_model.load(tmp_path / "ranking", data).predictions(data, rows)
    np.testing.assert_array_equal(now.order, then.order)


def test_as_many_rows_as_videos_are_refused_before_anything_is_trained(
    data: prepared.PreparedData,
) -> None:
    config = _config(hashed_rows=data.vocabulary_size)
    expected = (
        f"expected ranking.hashed_rows below the {data.vocabulary_size} videos with an "
        f"embedding, received {data.vocabulary_size}: with 0 each has a row of its own"
    )
    for refuse in (
        lambda: building.build(config.ranking, data),
        lambda: features.require(config, data),
    ):
        with pytest.raises(errors.UserError) as raised:
            refuse()
        assert str(raised.value) == expected
    features.require(_config(hashed_rows=data.vocabulary_size - 1), data)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (1, "expected hashed_rows of 0 or at least 2, received 1: all videos would"),
        (-5, "expected config.ranking.hashed_rows to be .* 0, received -5"),
    ],
)
def test_rows_that_tell_nothing_apart_are_one_line(rows: int, message: str) -> None:
    with pytest.raises(errors.UserError, match=message) as raised:
        configs.RankingConfig(hashed_rows=rows)
    assert "\n" not in str(raised.value)
