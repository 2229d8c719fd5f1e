"""Columns of the user's own as features."""

import pytest

from tests.features import contract
from ytdnn import configs, errors
from ytdnn.data import prepared
from ytdnn.features import columns, interface, registry


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


def test_a_wrong_name_is_answered_with_the_right_ones(
    data: prepared.PreparedData,
) -> None:
    wrong = configs.Features(add=("videos.genres",))
    with pytest.raises(errors.UserError, match=r"did you mean videos\.genre\?"):
        registry.choose(interface.RANKING, data, wrong)
    with pytest.raises(errors.UserError, match="expected a feature of candidates"):
        registry.choose(interface.CANDIDATES, data, wrong)
