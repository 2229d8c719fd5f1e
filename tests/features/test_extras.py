"""A feature of a package keeps the contract of all features."""

from collections.abc import Iterator

import pytest

from tests import extras
from tests.features import contract
from ytdnn.features import base_feature, feature_choice


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with extras.installed(tmp_path_factory.mktemp("package")):
        yield


class TestWeekend(contract.FeatureContract):
    name = "weekend"


def test_it_follows_those_of_ytdnn_in_its_scope() -> None:
    of_ranking = feature_choice.network_features(base_feature.RANKING)
    names = [f.name for f in of_ranking if f.scope is base_feature.Scope.REQUEST]
    assert names[-1] == "weekend"
    assert len(names) > 1
