"""What components refuse in Python: one line, by the names of settings."""

import pytest

import ytdnn
from ytdnn import configs
from ytdnn.base import errors


@pytest.mark.parametrize(
    ("construct", "words"),
    [
        (
            lambda: configs.DataConfig(source="kuai"),
            "expected config.data.source.*'kuai'",
        ),
        (
            lambda: configs.CandidatesConfig(embedding_dim=0, tower=(0,)),
            "embedding_dim.*; ",
        ),
        (
            lambda: configs.CandidatesConfig(widht=3),
            "no setting config.candidates.widht",
        ),
        (lambda: configs.TrainingConfig(epochs="5"), "epochs.*integer, received '5'"),
        (
            lambda: configs.Config(candidates=configs.RankingConfig()),
            "config.candidates",
        ),
    ],
)
def test_a_mistake_is_one_user_error(construct, words: str) -> None:
    with pytest.raises(ytdnn.UserError, match=words) as caught:
        construct()
    assert isinstance(caught.value, errors.SettingError)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_sized_keeps_the_other_settings_of_training() -> None:
    given = configs.TrainingConfig(epochs=2)
    found = configs.sized(configs.CandidatesConfig, training=given)
    assert "training.epochs" not in found.auto
    assert {"training.batch_size", "training.patience", "tower"} <= set(found.auto)
    assert found.training.epochs == 2
    assert "tower" not in configs.sized(configs.CandidatesConfig, tower=(8,)).auto
