"""Settings that must fit the encoder of the watch history."""

from typing import Any

import pytest

from ytdnn import configs
from ytdnn.base import errors

ATTENTION = configs.SelfAttentionConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoder": configs.HSTUConfig(num_heads=3)},
            "expected an embedding_dim that encoder.num_heads divides, received 64 and "
            "3",
        ),
        (
            {"encoder": ATTENTION, "history_length": 9},
            "expected label.slice_length of at most history_length for "
            "self_attention, received 16 and 9",
        ),
        (
            {"tied_tables": True, "loss": configs.HierarchicalSoftmaxConfig()},
            "expected no tied_tables for hierarchical_softmax",
        ),
        (
            {"hashed_rows": 9, "loss": configs.HierarchicalSoftmaxConfig()},
            "expected hashed_rows 0 for hierarchical_softmax",
        ),
        ({"hashed_rows": 1}, "expected hashed_rows of 0 or at least 2, received 1"),
        ({"hashed_rows": -5}, "hashed_rows"),
        (
            {
                "encoder": configs.HSTUConfig(beside_bags=True),
                "bags": (),
                "decay_rates": (),
            },
            "expected a bag of the history",
        ),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        configs.CandidatesConfig(**settings)


def test_a_slice_has_as_many_rows_as_serving_reads() -> None:
    config = configs.CandidatesConfig(
        encoder=ATTENTION,
        history_length=200,
        label=configs.NextWatchConfig(slice_length=120),
    )
    assert config.context_length + config.slice_length - 1 == 200
    drawn = configs.CandidatesConfig(
        encoder=ATTENTION, label=configs.NextWatchConfig(examples_per_user=3)
    )
    assert drawn.context_length == drawn.history_length
    # Each position of bags has a window of its own.
    assert configs.CandidatesConfig(history_length=9).context_length == 9


def test_without_bags_none_are_needed() -> None:
    found = configs.CandidatesConfig(encoder=ATTENTION, bags=(), decay_rates=())
    assert not found.reads_bags
    assert configs.CandidatesConfig().reads_bags
