"""Settings that choose between components, each with settings of its own."""

import dataclasses
from typing import Any

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.base.configs import run

CHOSEN = [
    configs.CandidatesConfig(loss=configs.FullSoftmaxConfig(label_smoothing=0.1)),
    configs.CandidatesConfig(label=configs.NextWatchConfig(examples_per_user=3)),
    configs.IndexConfig(search=configs.ExactConfig()),
    configs.IndexConfig(search=configs.ScannConfig(num_leaves=7)),
    configs.RankingConfig(
        normalization=configs.QuantilesConfig(num_pieces=7, powers=False)
    ),
    configs.RankingConfig(normalization=configs.RawConfig()),
    configs.RankingConfig(head=configs.WeightedLogisticConfig()),
    configs.RankingConfig(head=configs.ClickConfig()),
    configs.RankingConfig(head=configs.ClickTimesWatchTimeConfig(order_by="odds")),
]


def _whole(part: Any) -> configs.Config:
    return configs.Config(**{run.section_of(type(part).__name__): part})


@pytest.mark.parametrize("part", CHOSEN, ids=lambda part: repr(part)[:60])
def test_json_keeps_the_kind_and_its_settings(part: Any) -> None:
    assert configs.from_dict(configs.to_dict(_whole(part))) == _whole(part)


def test_every_kind_names_itself() -> None:
    for kinds in configs.choices().values():
        for kind, cls in kinds.items():
            assert cls().kind == kind
            assert dataclasses.fields(cls)[-1].name == configs.KIND
    assert list(configs.choices()) == [
        "candidates.model",
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
        (configs.FullSoftmaxConfig, {"num_negatives": 5}),
        (configs.SampledSoftmaxConfig, {"label_smoothing": 0.1}),
        (configs.ExactConfig, {"num_leaves": 5}),
        (configs.IndexConfig, {"num_leaves": 5}),
        (configs.CandidatesConfig, {"num_negatives": 5}),
        (configs.RawConfig, {"powers": False}),
        (configs.ClickConfig, {"order_by": "odds"}),
        (configs.RankingConfig, {"num_quantiles": 5}),
    ],
)
def test_a_setting_of_another_kind_is_refused(cls: Any, settings: Any) -> None:
    with pytest.raises(errors.UserError, match=next(iter(settings))):
        cls(**settings)


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [
        (
            configs.SampledSoftmaxConfig,
            {"num_negatives": 0, "in_batch": False},
            "num_negatives above 0",
        ),
        (
            configs.NextWatchConfig,
            {"examples_per_user": 5, "slice_length": 8},
            "no slice_length with examples_per_user",
        ),
        (
            configs.CompositionConfig,
            {"diversity_by": "topic"},
            "diversity above 0 with diversity_by",
        ),
        (
            configs.CandidatesConfig,
            {"loss": configs.NextWatchConfig()},
            "sampled_softmax",
        ),
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


def test_tuples_of_tuples_are_what_json_has_of_them() -> None:
    own = {"composition": {"sources": (("fresh_uploads", 0.5),)}}
    kept = {"composition": {"sources": [["fresh_uploads", 0.5]]}}
    assert configs.differences(kept, own) == {}
    assert configs.flat(own) == {"composition.sources": [["fresh_uploads", 0.5]]}
