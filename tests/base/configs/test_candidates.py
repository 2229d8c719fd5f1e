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
            {"serving_dim": 64},
            "expected an ensemble_size of at least 2 with serving_dim, received 1 and "
            "64",
        ),
        (
            {"serving_dim": 129, "ensemble_size": 2},
            r"expected a serving_dim of at most ensemble_size \* embedding_dim, 128, "
            "received 129",
        ),
        (
            {"distillation": 0.5, "loss": FULL},
            "expected an ensemble_size of at least 2 with distillation, received 1: a "
            "network learns from those before it",
        ),
        (
            {"distillation": 0.5, "ensemble_size": 2},
            "expected loss full_softmax with distillation, received sampled_softmax",
        ),
        (
            {"ensemble_size": 2, "loss": FULL, "distillation": 0.5, "serving_dim": 64},
            "expected no serving_dim with distillation, received 64",
        ),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        configs.CandidatesConfig(**settings)


def test_several_networks_may_be_narrow_or_learn_from_each_other() -> None:
    narrow = configs.CandidatesConfig(ensemble_size=2, serving_dim=128)
    taught = configs.CandidatesConfig(ensemble_size=2, loss=FULL, distillation=0.5)
    assert (narrow.num_kept, taught.num_kept) == (2, 1)
