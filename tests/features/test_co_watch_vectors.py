import numpy as np
import pytest

from tests import planted
from ytdnn.features import co_watch_vectors
from ytdnn.log import events


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("own"), events_per_shard=400)


def watched_by(data):
    """Returns the dense matrix of users and videos, 1 where there is a watch."""
    watches = data.watches
    keep = np.asarray(watches.splits) == events.Split.TRAIN
    videos = np.asarray(watches.videos)
    keep &= videos <= data.vocabulary_size
    found = np.zeros((data.num_users, data.vocabulary_size))
    found[watches.users[keep], videos[keep] - 1] = 1.0
    return found


def test_the_vectors_are_those_of_a_dense_decomposition(data):
    dim = 6
    matrix = watched_by(data)
    users, videos = matrix.sum(1, keepdims=True), matrix.sum(0, keepdims=True)
    scaled = matrix / np.sqrt(users + 5.0) / np.sqrt(videos + 5.0)
    _, values, turned = np.linalg.svd(scaled, full_matrices=False)
    rows = turned[1 : dim + 1].T / np.sqrt(videos.T + 5.0) * values[1 : dim + 1] ** 2
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows *= videos.T / (videos.T + 5.0)
    found = co_watch_vectors.vectors(data, dim)
    # Signs are free, so products are compared; the last vectors have no gap to others.
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, atol=0.05)


def test_videos_of_one_taste_are_near_each_other(data):
    found = co_watch_vectors.vectors(data, 4)
    taste = np.array([int(v.split()[1]) % 2 for v in data.videos["video_id"]])
    taste = taste[: data.vocabulary_size]
    products = found @ found.T
    same = taste[:, np.newaxis] == taste
    assert products[same].mean() > products[~same].mean() + 0.5


def test_a_vector_is_longer_the_more_watches_it_is_of(data):
    watched = watched_by(data).sum(0)
    lengths = np.linalg.norm(co_watch_vectors.vectors(data, 4), axis=1)
    np.testing.assert_allclose(lengths, watched / (watched + 5.0), rtol=1e-4)


def test_a_log_in_shards_that_are_read_again_has_the_same_vectors(sharded, monkeypatch):
    assert len(sharded.log.shards) > 1
    kept = co_watch_vectors.vectors(sharded, 4)
    monkeypatch.setattr(co_watch_vectors, "_MOST_KEPT", 0)
    np.testing.assert_array_equal(co_watch_vectors.vectors(sharded, 4), kept)
    matrix = watched_by(sharded)
    assert matrix.sum() > 0
    lengths = np.linalg.norm(kept, axis=1)
    np.testing.assert_allclose(
        lengths, matrix.sum(0) / (matrix.sum(0) + 5.0), rtol=1e-4
    )


def test_more_coordinates_than_the_log_has_are_zero(data):
    found = co_watch_vectors.vectors(data, 64)
    rank = min(data.num_users, data.vocabulary_size) - 1
    assert np.isfinite(found).all()
    assert not found[:, rank:].any()


def test_columns_without_a_direction_stay_finite():
    rows = np.zeros([6, 3], np.float32)
    rows[:2, 0] = 1.0
    found = co_watch_vectors._orthonormal(rows.copy())
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 0], rows[:, 0] / np.sqrt(2.0), rtol=1e-6)


@pytest.mark.parametrize("least", [0.0, 1e-20, 1e-3])
def test_a_matrix_of_fewer_directions_than_coordinates_is_factorised(least):
    values = np.concatenate([[2.0, 1.0, 0.7, 0.5], np.full(96, least)])
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(100, 100)))[0]
    matrix = ((turn * values) @ turn.T).astype(np.float32)
    space = co_watch_vectors._Space(lambda rows: matrix @ rows, 100)
    found, sizes = space.leading(90)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(sizes[:3], [1.0, 0.7, 0.5], rtol=1e-3)
    assert np.abs(found[:, :3].T @ turn[:, 1:4]).max(axis=1) == pytest.approx(1, 1e-3)


def test_other_shards_give_the_same_products_but_for_rounding(data, sharded):
    one, many = (co_watch_vectors.vectors(each, 4) for each in (data, sharded))
    np.testing.assert_allclose(many @ many.T, one @ one.T, atol=1e-5)
