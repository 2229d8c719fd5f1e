"""Candidate models other than the network: lists, files, and mistakes."""

import pathlib
from typing import Any

import numpy as np
import pytest

from tests import planted
from ytdnn import configs, registries
from ytdnn.base import errors, ragged
from ytdnn.base.configs import setting_types
from ytdnn.log import prepared, slice_batches
from ytdnn.retrieval import model_interface


class Same:
    """Lists the same rows for every request."""

    def __init__(self, rows: list[int] | Any = (0, 1, 2, 3)) -> None:
        self.rows = rows

    def fit(self, data: model_interface.TrainingData) -> None:
        self.num_videos = data.videos.height

    def recommend(self, requests: model_interface.Requests, k: int) -> Any:
        return np.tile(np.array(self.rows[:k]), (len(requests), 1))


def requests(removed: list[list[int]], **more: Any) -> model_interface.Requests:
    """Returns requests of users who watched some catalogue indices."""
    sizes = [len(each) for each in removed]
    values = np.array([video for each in removed for video in each], np.int64)
    watched = ragged.Ragged(np.append(0, np.cumsum(sizes)), values)
    return model_interface.Requests(
        users=np.arange(len(removed)),
        times=np.full(len(removed), 100),
        histories=ragged.Ragged(watched.offsets, watched.values - 1),
        num_videos=6,
        removed=watched,
        **more,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("models"))


def test_watched_videos_are_replaced_by_the_next_ones() -> None:
    asked = requests([[], [1, 3], [1, 2, 3, 4]])
    assert model_interface.lists(Same(), asked, 2).tolist() == [[1, 2], [2, 4], [0, 0]]


def test_videos_that_are_not_there_yet_are_left_out() -> None:
    since = np.array([0, 200, 0, 0, 0, 0])
    asked = requests([[], []], available=(since, np.array([100, 300])))
    assert model_interface.lists(Same(), asked, 3).tolist() == [[1, 3, 4], [1, 2, 3]]


def test_answers_may_have_scores_beside_them() -> None:
    class Scored(Same):
        def recommend(self, requests: model_interface.Requests, k: int) -> Any:
            rows = super().recommend(requests, k)
            return rows, np.zeros(rows.shape)

    assert model_interface.lists(Scored(), requests([[1]]), 2).tolist() == [[2, 3]]


def test_requests_show_histories_as_rows() -> None:
    asked = requests([[2, 5], []])
    assert asked.last(3).tolist() == [[4, 1, -1], [-1, -1, -1]]
    assert asked.matrix.toarray().tolist() == [[0, 1, 0, 0, 1, 0], [0] * 6]


def test_best_ranks_all_videos_but_the_removed() -> None:
    def score(users: slice, videos: slice, out: np.ndarray) -> None:
        out[:] = np.arange(videos.start, videos.stop)

    assert requests([[6], []]).best(score, 2).tolist() == [[4, 3], [5, 4]]


def test_training_data_are_the_training_window(data: prepared.PreparedData) -> None:
    training = model_interface.TrainingData(data)
    watches = slice_batches.training_set(data).watches
    pairs = set(
        zip(watches.users.tolist(), np.asarray(watches.videos) - 1, strict=True)
    )
    assert set(training.watches.select("user", "video").iter_rows()) == pairs
    assert training.matrix.shape == (data.num_users, data.vocabulary_size)
    assert training.matrix.sum() == len(pairs)
    assert training.videos.height == data.vocabulary_size


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((0, 6), r"model Same \(.*\) to return .* from -1 .none. to 5, found \[6\]"),
        ((0, -2), r"found \[-2\]"),
        ((0.5, 1.5), "found float64"),
        ((3, 3), r"each video once in a row, found \[3\] twice"),
        (([1, 2], [3, 4]), r"integers \[1, None\], found int64"),
    ],
)
def test_wrong_answers_are_refused(rows: Any, message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        model_interface.lists(Same(rows), requests([[]]), 2)


def test_an_unknown_model_is_answered_with_the_known() -> None:
    with pytest.raises(errors.UserError, match="received 'alz': did you mean als"):
        model_interface.unfitted("alz")


def with_model(name: str) -> configs.Config:
    """Returns the defaults with another candidate model."""
    settings: Any = setting_types.without_settings(name)()
    return configs.changed(configs.Config(), {"candidates.model": settings})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> configs.Config:
    """A run's config with a model that a file of the user's has registered."""
    registry = registries.CANDIDATE_MODELS
    registry.register("same_rows")(lambda config: Same())
    monkeypatch.setitem(registry._parts, "same_rows", registry["same_rows"])
    return with_model("same_rows")


def test_a_fitted_model_is_kept_in_its_artefact(
    registered: configs.Config, data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    model_interface.fit(registered, data, tmp_path / "candidates")
    model: Any = model_interface.load(tmp_path / "candidates", registered.candidates)
    assert model.num_videos == data.vocabulary_size
    other = with_model("markov")
    with pytest.raises(errors.UserError, match="expected the model markov in"):
        model_interface.load(tmp_path / "candidates", other.candidates)
