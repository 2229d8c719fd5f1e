"""Settings that must fit the encoder of the watch history."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import errors, registries


@configs.validated
class Mine(configs.EncoderExtension):
    """Settings of an encoder of the user's own."""

    kind: Literal["mine"] = "mine"


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    with extras.registered():
        registries.ENCODERS.register("mine", Mine)(lambda: None)
        yield


OWN = Mine()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoder": OWN, "history_length": 9},
            "expected label.slice_length of at most history_length for mine, received "
            "16 and 9",
        ),
        ({"hashed_rows": 9}, "hashed_rows"),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises((errors.UserError, TypeError), match=message):
        configs.CandidatesConfig(**settings)


def test_a_slice_has_as_many_rows_as_serving_reads() -> None:
    config = configs.CandidatesConfig(
        encoder=OWN,
        history_length=200,
        label=configs.NextWatchConfig(slice_length=120),
    )
    assert config.context_length + config.slice_length - 1 == 200
    # Each position of bags has a window of its own.
    assert configs.CandidatesConfig(history_length=9).context_length == 9


def test_without_bags_none_are_needed() -> None:
    assert not configs.CandidatesConfig(encoder=OWN, decay_rates=()).reads_bags
    assert configs.CandidatesConfig().reads_bags
