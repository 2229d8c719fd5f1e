"""`--features` fills the settings of the networks that can read each feature."""

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run.cli import command, flags, given_settings

_FLAG = flags.TRAINING_FLAGS[0]


@pytest.mark.parametrize(
    ("value", "of_candidates", "of_ranking"),
    [
        ("videos.genre", (), ("videos.genre",)),
        ("users.segment", ("users.segment",), ("users.segment",)),
        ("request_time", ("request_time",), ()),  # which the ranker reads anyway
        ("user_language", ("user_language",), ()),  # likewise
        ("topic", (), ("topic",)),  # which the candidates cannot read
        ("device", ("device",), ()),  # which the ranker cannot read
        ("seed_video", (), ("seed_video",)),
        ("nonsense", (), ("nonsense",)),  # refused by name where the data are known
        (
            "videos.genre, users.segment,request_time",
            ("users.segment", "request_time"),
            ("videos.genre", "users.segment"),
        ),
    ],
)
def test_a_name_goes_to_the_networks_that_can_read_it(
    value: str, of_candidates: tuple[str, ...], of_ranking: tuple[str, ...]
) -> None:
    given = command.parse("run", [_FLAG], [f"--features={value}"])
    config = given_settings.apply(configs.Config(), given.overrides)
    assert config.candidates.features.add == of_candidates
    assert config.ranking.features.add == of_ranking
    assert not given.values


def test_it_does_not_stand_beside_the_setting_it_fills() -> None:
    argv = ["--features=videos.genre", "--config.ranking.features.add=topic"]
    message = "--features and --config.ranking.features.add are one setting"
    with pytest.raises(errors.UserError, match=message):
        command.parse("run", [_FLAG], argv)
