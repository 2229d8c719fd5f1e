"""A feature of a package keeps the contract of all features."""

from collections.abc import Iterator

import pytest
import tensorflow as tf

from tests import extras
from tests.features import contract
from ytdnn.base import errors
from ytdnn.bundle import own_features
from ytdnn.features import base_feature, feature_choice
from ytdnn.log import prepared, raw_request


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with extras.installed(tmp_path_factory.mktemp("package")):
        yield


def _other(request: raw_request.Request) -> tf.Tensor:
    return tf.cast(request.times % 2, tf.float32) + 0.5


class TestWeekend(contract.FeatureContract):
    name = "weekend"


def test_it_follows_those_of_ytdnn_in_its_scope() -> None:
    of_ranking = feature_choice.network_features(base_feature.RANKING)
    names = [f.name for f in of_ranking if f.scope is base_feature.Scope.REQUEST]
    assert names[-1] == "weekend"
    assert len(names) > 1


def test_another_value_of_a_request_is_refused_before_it_is_served(
    data: prepared.PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = feature_choice.named(base_feature.RANKING, ["weekend"], data)
    own_features.require_same(data, own)
    read = base_feature.FromRequest(_other)
    monkeypatch.setattr(type(own[0]), "open_request", lambda self, data: read)
    message = (
        r"weekend .*one value from log and request, found \[[01]\.\] and \[[01]\.5"
    )
    with pytest.raises(errors.UserError, match=message):
        own_features.require_same(data, own)
