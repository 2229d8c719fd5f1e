"""The rule that chooses settings from the size of the log, and whose word is last."""

import dataclasses
import pathlib
import re
from typing import Any

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.base.configs import by_size

DOCUMENTATION = pathlib.Path(__file__).parents[3] / "docs" / "defaults.md"
TINY = configs.LogSize(watches=12, users=3, videos=5)
SMALL = configs.LogSize(watches=100_000, users=900, videos=1_700, impressions=100_000)
LARGE = configs.LogSize(
    watches=1_000_000, users=10_000, videos=100_000, impressions=5_000_000
)
HUGE = configs.LogSize(watches=10**10, users=10**9, videos=10**7, impressions=10**11)
ALL = (TINY, SMALL, LARGE, HUGE, configs.LogSize(0, 0, 0))


@pytest.mark.parametrize("size", ALL)
def test_every_size_has_valid_settings(size: configs.LogSize) -> None:
    found = configs.resolved(configs.Config(), size)
    # Made again of plain values, so that every one is validated.
    assert configs.from_dict(configs.to_dict(found)) == found
    assert set(by_size.ranking(size)) == set(by_size.OF_RANKING)


def test_few_impressions_have_a_narrow_ranker() -> None:
    """By docs/defaults.md: below half a million, up to a million, beyond."""
    sizes = [
        dataclasses.replace(SMALL, impressions=n) for n in (10**5, 7 * 10**5, 10**6)
    ]
    few, some, many = map(by_size.ranking, sizes)
    assert [one["tower"] for one in (few, some, many)] == [(256, 64)] * 2 + [(512, 256)]
    assert [one["dropout"] for one in (few, some, many)] == [0.3, 0.3, 0.2]
    rates = [one["training.learning_rate"] for one in (few, some, many)]
    assert rates == [1e-3, 5e-4, 1e-3]


@pytest.mark.parametrize("size", ALL)
def test_every_member_has_valid_settings(size: configs.LogSize) -> None:
    own = configs.Config().candidates
    members = by_size.portfolio(size)
    assert len(members) <= 6
    for name, values in members.items():
        assert set(values) == set(by_size.OF_CANDIDATES)
        won = dataclasses.replace(size, member=name)
        found = configs.resolved(configs.Config(), won).candidates
        assert found == by_size.filled(own, by_size.OF_CANDIDATES, values)


def test_few_videos_have_full_softmax_and_many_never() -> None:
    of_small, of_large, of_many_watches = map(
        by_size.portfolio, (SMALL, LARGE, configs.LogSize(10**9, 10**6, 1_000))
    )
    for name in ("narrow_dot", "random", "wide_full"):
        assert isinstance(of_small[name]["loss"], configs.FullSoftmaxConfig)
        assert isinstance(of_many_watches[name]["loss"], configs.SampledSoftmaxConfig)
        # Neither loss nor optimiser may cost a pass over a large table in each step.
        assert isinstance(of_large[name]["loss"], configs.SampledSoftmaxConfig)
        assert of_large[name]["training.table_optimizer"] != "adam"
    assert of_large["wide"] == of_large["wide_full"]


def test_wide_vectors_are_narrower_of_many_videos() -> None:
    found = [
        by_size.portfolio(dataclasses.replace(LARGE, videos=videos))["wide"]
        for videos in (50_000, 50_001, 500_001)
    ]
    assert [one["embedding_dim"] for one in found] == [256, 128, 64]


def _left(**given: Any) -> list[str]:
    """The members that fit settings of one's own."""
    own = configs.sized(configs.CandidatesConfig, **given)
    return list(configs.members(SMALL, own))


def test_only_members_that_fit_given_settings_take_part() -> None:
    counted = ["narrow", "narrow_dot", "wide", "wide_full"]
    assert set(_left()) == {*counted, "medium", "random"}
    assert _left(initial_vectors="factored") == ["medium"]
    assert _left(initial_vectors="random") == ["random"]
    assert _left(initial_vectors="co_watched") == counted
    assert _left(similarity="dot") == ["narrow_dot", "random"]
    assert _left(similarity="cosine") == ["narrow", "medium", "wide", "wide_full"]
    # Nobody fits both, but a random start fits everything.
    assert _left(initial_vectors="random", similarity="cosine") == ["random"]


def test_the_winner_of_the_contest_is_taken_unless_it_is_switched_off() -> None:
    won = dataclasses.replace(SMALL, member="narrow")
    assert configs.resolved(configs.Config(), won).candidates.embedding_dim == 32
    off = configs.changed(configs.Config(), {"candidates.contest": False})
    assert configs.resolved(off, won).candidates.embedding_dim == 256
    # A winner that does not fit what is given since is not taken.
    own = configs.sized(configs.CandidatesConfig, initial_vectors="random")
    found = configs.resolved(configs.Config(candidates=own), won).candidates
    assert (found.similarity, found.embedding_dim) == ("dot", 64)


@pytest.mark.parametrize(("name", "rate"), [("adam", 0.001), ("adagrad", 0.02)])
def test_steps_fit_an_optimiser_of_one_s_own(name: str, rate: float) -> None:
    training = configs.TrainingConfig(table_optimizer=name)  # type: ignore[arg-type]
    config = configs.with_own(
        configs.changed(configs.Config(), {"candidates.training": training}),
        ["candidates.training.table_optimizer"],
    )
    found = configs.resolved(config, SMALL).candidates.training
    assert (found.table_optimizer, found.table_learning_rate) == (name, rate)


def test_the_rule_goes_through_the_tuned_experiments() -> None:
    of_100k = by_size.portfolio(SMALL)["random"]
    of_1m = by_size.portfolio(configs.LogSize(1_000_000, 6_040, 3_416))["random"]
    assert (of_100k["training.epochs"], of_100k["training.batch_size"]) == (30, 512)
    assert (of_1m["training.epochs"], of_1m["training.batch_size"]) == (12, 2_048)


def test_the_table_of_the_documentation_is_the_rule() -> None:
    lines = DOCUMENTATION.read_text().partition("| watches | narrow")[2].splitlines()
    rows = [re.findall(r"[\d,]+", line) for line in lines[2:8]]
    for watches, *stated in ([int(c.replace(",", "")) for c in row] for row in rows):
        members = by_size.portfolio(configs.LogSize(watches, 100, 1_000))
        found = members["wide"] | {
            f"{name} epochs": values["training.epochs"]
            for name, values in members.items()
        }
        names = ("narrow epochs", "wide epochs", "random epochs")
        names = (*names, "training.batch_size")
        assert stated == [found[name] for name in names], watches


def test_what_is_given_wins_and_all_else_is_chosen() -> None:
    given = ("candidates.embedding_dim", "candidates.loss.label_smoothing")
    config = configs.with_own(configs.Config(), given)
    config = dataclasses.replace(
        config,
        candidates=dataclasses.replace(
            config.candidates,
            embedding_dim=7,
            loss=configs.SampledSoftmaxConfig(num_negatives=3),
        ),
    )
    found = configs.resolved(config, SMALL).candidates
    assert found.embedding_dim == 7
    assert found.loss == configs.SampledSoftmaxConfig(num_negatives=3)
    assert found.training.epochs == 6
    # Of another log they are chosen again, and those given still are not.
    assert configs.resolved(configs.resolved(config, SMALL), LARGE) == configs.resolved(
        config, LARGE
    )


def test_in_python_too_one_s_own_settings_are_given_and_the_others_chosen() -> None:
    own = configs.sized(
        configs.CandidatesConfig, tower=(8,), loss=configs.SampledSoftmaxConfig()
    )
    found = configs.resolved(configs.Config(candidates=own), SMALL).candidates
    assert found.tower == (8,)
    assert found.loss == configs.SampledSoftmaxConfig()
    assert found.training.epochs == 6
    training = configs.TrainingConfig(epochs=2)
    ranking = configs.sized(configs.RankingConfig, training=training)
    of_large = configs.resolved(configs.Config(ranking=ranking), LARGE).ranking
    assert of_large.training.epochs == 2
    chosen = by_size.ranking(LARGE)["training.batch_size"]
    assert of_large.training.batch_size == chosen != training.batch_size
    assert of_large.least_impressions == 200_000


def test_only_settings_of_the_rule_can_be_left_to_it() -> None:
    with pytest.raises(errors.UserError, match="auto"):
        configs.CandidatesConfig(auto=("history_length",))  # type: ignore[arg-type]
