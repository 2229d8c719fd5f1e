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
    assert set(by_size.candidates(size)) == set(by_size.OF_CANDIDATES)
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


def test_few_videos_have_full_softmax_and_many_never() -> None:
    of_small = by_size.random_start(SMALL)
    of_large = by_size.random_start(LARGE)
    of_many_watches = by_size.random_start(configs.LogSize(10**9, 10**6, 1_000))
    assert isinstance(of_many_watches["loss"], configs.SampledSoftmaxConfig)
    assert isinstance(of_small["loss"], configs.FullSoftmaxConfig)
    assert of_small["training.table_optimizer"] == "adam"
    # Neither loss nor optimiser may cost a pass over a large table in each step.
    assert isinstance(of_large["loss"], configs.SampledSoftmaxConfig)
    assert of_large["training.table_optimizer"] != "adam"


def test_candidates_begin_at_counted_co_watching_unless_users_watch_little() -> None:
    log = configs.LogSize(watches=200_000, users=4_000, videos=10_000)
    for changed in ({}, {"videos": 1_000}, {"users": 400}, {"users": 40_000}):
        found = by_size.candidates(dataclasses.replace(log, **changed))
        assert found["initial_vectors"] == "co_watched"
        assert found["training.table_gradient"] == "sum"
    other = by_size.candidates(dataclasses.replace(log, users=40_001))
    assert other["initial_vectors"] == "random"


def test_large_steps_score_every_video_where_that_is_affordable() -> None:
    small, large = (dataclasses.replace(size, lift=4.0) for size in (SMALL, LARGE))
    of_few = by_size.counted_start(small, small_steps=False)
    assert of_few["loss"] == configs.FullSoftmaxConfig(label_smoothing=0.3)
    assert (of_few["similarity"], of_few["temperature"]) == ("cosine", 0.1)
    for size in (
        large,
        dataclasses.replace(small, watches=10**7),
        dataclasses.replace(small, order=6.0),
    ):
        found = by_size.counted_start(size, small_steps=False)
        assert isinstance(found["loss"], configs.SampledSoftmaxConfig)
        assert (found["similarity"], found["temperature"]) == ("cosine", 0.1)


@pytest.mark.parametrize(
    ("lift", "small_steps"), [(2.0, False), (0.0, False), (4.0, True)]
)
def test_vectors_keep_their_lengths_where_co_watching_tells_little(
    lift: float, small_steps: bool
) -> None:
    size = dataclasses.replace(SMALL, lift=lift)
    found = by_size.counted_start(size, small_steps)
    assert isinstance(found["loss"], configs.SampledSoftmaxConfig)
    assert (found["similarity"], found["temperature"]) == ("user_cosine", 0.15)


@pytest.mark.parametrize(
    ("users", "lift", "start"),
    [
        (60_000, 60.0, "co_watched"),  # few watches of each user, which tell much
        (60_000, 1.5, "random"),
        (4_000, 1.1, "co_watched"),  # many that tell little
        (4_000, 0.9, "random"),
    ],
)
def test_candidates_begin_at_co_watching_that_tells_more_than_popularity(
    users: int, lift: float, start: str
) -> None:
    log = configs.LogSize(watches=200_000, users=users, videos=10_000, lift=lift)
    assert by_size.candidates(log)["initial_vectors"] == start


def test_steps_are_small_where_counting_has_found_nearly_all() -> None:
    log = configs.LogSize(watches=200_000, users=4_000, videos=10_000, order=1.0)
    assert by_size.candidates(log)["training.table_learning_rate"] == 0.001
    # Not with many watches a video, few of a user, few users, or an order.
    for changed in (
        {"videos": 6_000},
        {"users": 10_001},
        {"users": 999},
        {"order": 1.3},
        {"order": 0.0},
    ):
        other = by_size.candidates(dataclasses.replace(log, **changed))
        assert other["training.table_learning_rate"] == 0.02
        assert other["embedding_dim"] == 256


@pytest.mark.parametrize(
    "given",
    [
        {"initial_vectors": "random"},
        {"similarity": "dot"},
    ],
)
def test_a_setting_that_a_counted_start_does_not_fit_makes_it_random(
    given: dict[str, Any],
) -> None:
    own = configs.sized(configs.CandidatesConfig, **given)
    found = configs.resolved(configs.Config(candidates=own), SMALL).candidates
    assert found.initial_vectors == "random"
    assert (found.similarity, found.temperature) == ("dot", 1.0)
    assert found.training.epochs == 30


def test_a_counted_start_of_one_s_own_has_the_settings_of_one() -> None:
    size = dataclasses.replace(SMALL, users=90_000)
    own = configs.sized(configs.CandidatesConfig, initial_vectors="co_watched")
    found = configs.resolved(configs.Config(candidates=own), size).candidates
    assert found.skip_connection == "linear"
    chosen = configs.resolved(configs.Config(), size).candidates
    assert chosen.similarity == "dot"


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
    of_100k = by_size.random_start(SMALL)
    of_1m = by_size.random_start(configs.LogSize(1_000_000, 6_040, 3_416))
    assert (of_100k["training.epochs"], of_100k["training.batch_size"]) == (30, 512)
    assert (of_1m["training.epochs"], of_1m["training.batch_size"]) == (12, 2_048)


def test_the_table_of_the_documentation_is_the_rule() -> None:
    lines = DOCUMENTATION.read_text().partition("| watches | epochs")[2].splitlines()
    rows = [re.findall(r"[\d,]+", line) for line in lines[2:8]]
    for watches, *stated in ([int(c.replace(",", "")) for c in row] for row in rows):
        found = by_size.random_start(configs.LogSize(watches, 100, 1_000))
        names = ("training.epochs", "training.batch_size", "embedding_dim")
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
    assert found.training.epochs == 8
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
    assert found.training.epochs == 8
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
