"""Settings that choose between components, each with settings of its own."""

import dataclasses
from typing import Any

import pytest

from ytdnn import configs, errors

CHOSEN = [
    configs.Candidates(loss=configs.FullSoftmax(label_smoothing=0.1)),
    configs.Candidates(loss=configs.HierarchicalSoftmax(tree_order="frequency")),
    configs.Candidates(label=configs.HeldOutWatch(examples_per_user=3)),
    configs.Candidates(encoder=configs.SelfAttention(num_heads=4)),
    configs.Candidates(encoder=configs.HSTU(time_bias=False, beside_bags=True)),
    configs.Candidates(encoder=configs.OwnEncoder(file="gru.py")),
    configs.Index(search=configs.Exact()),
    configs.Index(search=configs.Scann(num_leaves=7)),
    configs.Ranking(normalization=configs.Quantiles(number=7, powers=False)),
    configs.Ranking(normalization=configs.Raw()),
    configs.Ranking(head=configs.WeightedLogistic(weights="equal")),
    configs.Ranking(head=configs.ExactOdds()),
    configs.Ranking(head=configs.Click()),
    configs.Ranking(head=configs.ClickTimesWatchTime(order_by="odds")),
]


def _whole(part: Any) -> configs.Config:
    return configs.Config(**{type(part).__name__.lower(): part})


@pytest.mark.parametrize("part", CHOSEN, ids=lambda part: repr(part)[:60])
def test_json_keeps_the_kind_and_its_settings(part: Any) -> None:
    values = configs.to_dict(_whole(part))
    assert configs.from_dict(values) == _whole(part)


def test_every_kind_names_itself() -> None:
    for kinds in configs.choices().values():
        for kind, cls in kinds.items():
            assert cls().kind == kind
            assert dataclasses.fields(cls)[-1].name == configs.KIND
    assert list(configs.choices()) == [
        "candidates.encoder",
        "candidates.label",
        "candidates.loss",
        "index.search",
        "ranking.normalization",
        "ranking.head",
    ]


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (configs.FullSoftmax, {"num_negatives": 5}),
        (configs.SampledSoftmax, {"label_smoothing": 0.1}),
        (configs.HierarchicalSoftmax, {"in_batch": True}),
        (configs.HeldOutWatch, {"slice_length": 8}),
        (configs.Exact, {"num_leaves": 5}),
        (configs.Index, {"num_leaves": 5}),
        (configs.Candidates, {"num_negatives": 5}),
        (configs.Raw, {"powers": False}),
        (configs.Click, {"order_by": "odds"}),
        (configs.Ranking, {"num_quantiles": 5}),
    ],
)
def test_a_setting_of_another_kind_is_refused(cls: Any, settings: Any) -> None:
    with pytest.raises(errors.UserError, match=next(iter(settings))):
        cls(**settings)


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [
        (
            configs.SampledSoftmax,
            {"uniform_share": 0.7, "log_uniform_share": 0.4},
            "at most 1",
        ),
        (
            configs.SampledSoftmax,
            {"num_negatives": 0, "in_batch": False},
            "num_negatives above 0",
        ),
        (
            configs.NextWatch,
            {"examples_per_user": 5, "slice_length": 8},
            "no slice_length with examples_per_user",
        ),
        (
            configs.Candidates,
            {"loss": configs.HierarchicalSoftmax(), "similarity": "cosine"},
            "similarity dot",
        ),
        (configs.Candidates, {"loss": configs.NextWatch()}, "sampled_softmax"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    cls: Any, settings: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**settings)


def test_flat_settings_are_called_as_on_the_command_line() -> None:
    flat = configs.flat(configs.to_dict(_whole(CHOSEN[0])))
    assert flat["candidates.loss"] == "full_softmax"
    assert flat["candidates.loss.label_smoothing"] == 0.1
    assert flat["candidates.tower"] == [256, 128]
    assert not any(key.endswith(configs.KIND) for key in flat)


def test_defaults_are_those_of_the_kinds_chosen() -> None:
    assert configs.defaults({}) == configs.flat(configs.to_dict(configs.Config()))
    found = configs.defaults({"candidates.loss": "full_softmax", "index.search": []})
    assert found["candidates.loss"] == "sampled_softmax"
    assert found["candidates.loss.label_smoothing"] == 0.0
    assert "candidates.loss.num_negatives" not in found
    assert found["index.search.num_leaves"] == 0
