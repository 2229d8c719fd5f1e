import importlib
import inspect
import pathlib
from typing import Any

import pytest

from tests import extras
from tests.features import contract
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.features import base_feature, counters, feature_choice
from ytdnn.log import prepared


def _held_to_the_contract() -> set[tuple[str, str]]:
    found = set()
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.features.{path.stem}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            is_test = member.__name__.startswith("Test")
            if is_test and issubclass(member, contract.FeatureContract):
                found.add((member.network, member.name))
    return found


def test_no_feature_lacks_the_contract() -> None:
    """In one of its networks: both read it through the same declaration."""
    held = _held_to_the_contract()
    assert len(feature_choice.declared()) >= 10
    for feature in feature_choice.declared():
        assert any((network, feature.name) in held for network in feature.networks)


def test_each_name_is_one_feature_of_a_network() -> None:
    for network in (base_feature.CANDIDATES, base_feature.RANKING):
        names = [feature.name for feature in feature_choice.network_features(network)]
        assert len(names) == len(set(names))


def test_every_feature_is_of_a_declared_kind() -> None:
    kinds = (
        base_feature.ReadAtRequest,
        base_feature.TrainingOnly,
        counters.Counter,
    )
    for feature in feature_choice.declared():
        assert sum(isinstance(feature, kind) for kind in kinds) == 1
        assert feature.networks >= feature.default_in


def test_users_and_requests_come_before_videos_and_pairs(
    data: prepared.PreparedData,
) -> None:
    chosen = feature_choice.choose(base_feature.RANKING, data, configs.FeaturesConfig())
    scopes = [feature.scope for feature in chosen]
    assert scopes == sorted(scopes)


@pytest.mark.parametrize("name", ["genders", "request_time"])
def test_removing_what_is_not_read_is_refused(
    data: prepared.PreparedData, name: str
) -> None:
    off = configs.FeaturesConfig(remove=(name,))
    with pytest.raises(errors.UserError, match=name):
        feature_choice.choose(base_feature.CANDIDATES, data, off)


def test_a_feature_the_log_lacks_may_be_removed(
    data: prepared.PreparedData, log_without: contract.LogWithout
) -> None:
    """So that one config serves several logs."""
    without = log_without("users.gender")
    assert without is not None
    off = configs.FeaturesConfig(remove=("gender",))
    for log in (data, without):
        chosen = feature_choice.choose(base_feature.CANDIDATES, log, off)
        assert "gender" not in [feature.name for feature in chosen]


def test_an_unknown_name_is_answered_briefly(data: prepared.PreparedData) -> None:
    config = configs.FeaturesConfig(add=("video_click_day",))
    with pytest.raises(errors.UserError, match="mean video_clicks_day") as found:
        feature_choice.choose(base_feature.RANKING, data, config)
    assert len(str(found.value)) < 200


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [("own", "watches.time", "'watches.time'"), ("other", (), "found other")],
)
def test_a_feature_that_is_declared_wrongly_is_refused(
    name: str, columns: Any, message: str
) -> None:
    class Own(type(feature_choice.built_in()[0])):  # type: ignore[misc]
        def __init__(self) -> None:
            self.name, self.columns = name, columns

    with extras.registered():
        registries.FEATURES.register("own")(Own)
        with pytest.raises(errors.UserError, match=message):
            feature_choice.declared()
