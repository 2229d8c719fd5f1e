"""Settings of several networks that must fit each other."""

from typing import Any

import pytest

from ytdnn import configs
from ytdnn.base import errors

FULL = configs.FullSoftmaxConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"distillation": 0.5, "loss": FULL},
            "expected an ensemble_size of at least 2 with distillation, received 1: a "
            "network learns from those before it",
        ),
        (
            {"distillation": 0.5, "ensemble_size": 2},
            "expected loss full_softmax with distillation, received sampled_softmax",
        ),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        configs.CandidatesConfig(**settings)


def test_several_networks_are_kept_or_learn_from_each_other() -> None:
    several = configs.CandidatesConfig(ensemble_size=2)
    taught = configs.CandidatesConfig(ensemble_size=2, loss=FULL, distillation=0.5)
    assert (several.num_kept, taught.num_kept) == (2, 1)
