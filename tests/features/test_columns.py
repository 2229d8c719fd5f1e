"""Columns of the user's own as features."""

import pathlib

import pytest

from tests import full_log
from tests.features import contract
from ytdnn import configs, errors
from ytdnn.data import prepared
from ytdnn.features import columns, interface, registry
from ytdnn.ranking import model as ranking_model


class TestOwnTextOfUsers(contract.FeatureContract):
    name = "users.segment"
    network = interface.CANDIDATES


class TestOwnNumberOfUsers(contract.FeatureContract):
    name = "users.points"


class TestOwnTextOfVideos(contract.FeatureContract):
    name = "videos.genre"


class TestOwnNumberOfVideos(contract.FeatureContract):
    name = "videos.stars"


def test_a_column_is_categorical_or_continuous_by_its_type(
    data: prepared.PreparedData,
) -> None:
    assert isinstance(columns.own("videos.genre", data), columns.TextColumn)
    assert isinstance(columns.own("videos.stars", data), columns.NumberColumn)


@pytest.mark.parametrize("column", ["my points", "time", "größe"])
def test_a_column_of_users_must_be_able_to_be_a_key_of_requests(
    tmp_path: pathlib.Path, column: str
) -> None:
    log = full_log.tables()
    log["users"] = log["users"].rename({"points": column})
    data = full_log.prepared_data(tmp_path, log)
    with pytest.raises(errors.UserError, match=f"received users.{column}: rename"):
        registry.choose(
            interface.RANKING, data, configs.Features(add=(f"users.{column}",))
        )


def test_a_column_of_videos_may_have_any_name(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].rename({"genre": "my genre", "stars": "größe"})
    data = full_log.prepared_data(tmp_path, log)
    wanted = configs.Features(add=("videos.my genre", "videos.größe"))
    config = configs.Ranking(features=wanted, tower=(8,), embedding_dim=4)
    trained = ranking_model.build(config, data)
    ranking_model.save(trained, tmp_path)
    names = [feature.name for feature in trained.features]
    assert {"videos.my genre", "videos.größe"} <= set(names)


def test_a_wrong_name_is_answered_with_the_right_ones(
    data: prepared.PreparedData,
) -> None:
    wrong = configs.Features(add=("videos.genres",))
    with pytest.raises(errors.UserError, match=r"did you mean videos\.genre\?"):
        registry.choose(interface.RANKING, data, wrong)
    with pytest.raises(errors.UserError, match="expected a feature of candidates"):
        registry.choose(interface.CANDIDATES, data, wrong)
