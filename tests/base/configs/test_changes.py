"""A config with some settings changed, as an experiment's variants are."""

import dataclasses

import pytest

from ytdnn import configs
from ytdnn.base import errors


def test_only_the_named_settings_change() -> None:
    before = configs.Config(
        candidates=configs.CandidatesConfig(), ranking=configs.RankingConfig()
    )
    after = configs.changed(
        before,
        {
            "candidates.training.epochs": 3,
            "candidates.tower": (8,),
            "ranking.head": configs.ClickConfig(),
        },
    )
    assert after == dataclasses.replace(
        before,
        candidates=configs.CandidatesConfig(
            tower=(8,), training=configs.TrainingConfig(epochs=3)
        ),
        ranking=configs.RankingConfig(head=configs.ClickConfig()),
    )


def test_what_is_changed_is_no_longer_chosen_by_size() -> None:
    found = configs.changed(configs.Config(), {"candidates.training.epochs": 3})
    assert "training.epochs" not in found.candidates.auto
    assert "tower" in found.candidates.auto
    whole = configs.changed(found, {"candidates": configs.Config().candidates})
    assert whole == configs.Config()


def test_a_component_and_a_setting_of_it_are_changed_together() -> None:
    world = configs.WORLDS["tiny"]
    found = configs.changed(
        configs.Config(), {"data.world": world, "data.world.seed": 7}
    )
    assert found.data.world == dataclasses.replace(world, seed=7)


def test_an_unknown_setting_is_refused() -> None:
    for path, named in (
        ("candidates.towers", "config.candidates.towers"),
        ("candidate.tower", "config.candidate"),
        ("sead", "config.sead"),
    ):
        with pytest.raises(errors.SettingError, match=f"no setting {named}:"):
            configs.changed(configs.Config(), {path: 8})
