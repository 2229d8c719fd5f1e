"""Sizes beyond the memory there is are refused before any work."""

import dataclasses

import pytest

from ytdnn import configs
from ytdnn.base import errors, progress
from ytdnn.run.pipeline import memory

_SIZE = configs.LogSize(watches=100_000, users=900, videos=1_700, impressions=50_000)
_PLAIN = configs.Config()


def _with(stage: str, **changed: object) -> configs.Config:
    part = dataclasses.replace(getattr(_PLAIN, stage), **changed)
    return dataclasses.replace(_PLAIN, **{stage: part})


@pytest.fixture(autouse=True)
def eight_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 8e9)


@pytest.mark.parametrize(
    ("stage", "config", "words"),
    [
        # 1,024 / 32 slices of a billion rows of 64 floats.
        (
            "candidates",
            _with("candidates", history_length=10**9),
            "candidates.history_length .* received 1,000,000,000",
        ),
        ("candidates", _with("candidates", embedding_dim=10**7), "embedding_dim"),
        ("candidates", _with("candidates", tower=(10**5, 10**5)), "tower"),
        ("candidates", _with("candidates", search_length=10**9), "search_length"),
        ("candidates", _with("candidates", learned_bags=10**6), "learned_bags"),
        (
            "candidates",
            _with("candidates", loss=configs.SampledSoftmaxConfig(num_negatives=10**8)),
            "num_negatives",
        ),
        ("ranking", _with("ranking", history_length=10**7), "ranking.history_length"),
        ("ranking", _with("ranking", tower=(10**5, 10**5)), "ranking.tower"),
        ("evaluation", _with("evaluation", num_resamples=10**9), "num_resamples"),
        ("evaluation", _with("evaluation", ks=(10**7,)), "evaluation.ks"),
        ("bundle", _with("candidates", embedding_dim=10**6), "embedding_dim"),
    ],
)
def test_a_size_beyond_memory_is_named(
    stage: str, config: configs.Config, words: str
) -> None:
    with pytest.raises(errors.UserError, match=f"expected config.*{words}.*at least"):
        memory.require(config, _SIZE, stage)


@pytest.mark.parametrize("stage", ["candidates", "ranking", "evaluation"])
def test_the_defaults_pass_for_a_million_videos(stage: str) -> None:
    large = configs.LogSize(10**9, 10**7, 10**6, 10**9)
    memory.require(_PLAIN, large, stage)


def test_a_window_bounds_what_an_evaluation_needs() -> None:
    large = configs.LogSize(10**9, 900, 1_700)
    memory.require(_PLAIN, large, "evaluation")
    whole = _with("evaluation", window_events=2**40)
    with pytest.raises(errors.UserError, match=r"window_events .* at least 20 GB"):
        memory.require(whole, large, "evaluation")


def test_baselines_that_hold_all_watches_are_named() -> None:
    large = configs.LogSize(10**9, 900, 1_700)
    memory.require(_with("evaluation", baselines=("auto",)), large, "evaluation")
    with pytest.raises(errors.UserError, match=r"auto,als, which .* 16 GB: name fewer"):
        memory.require(
            _with("evaluation", baselines=("auto", "als")), large, "evaluation"
        )


def test_an_estimate_is_said_where_it_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(progress, "say", said.append)
    memory.require(_PLAIN, _SIZE, "evaluation")
    assert not said
    memory.require(_PLAIN, configs.LogSize(10**9, 1_200_000, 900), "evaluation")
    # 8.4 million events of 20 bytes, two lists of 100 videos for each user.
    assert said == ["memory: evaluation needs at least 1.1 GB, 8.0 GB are available"]


def test_an_append_needs_a_shard_and_not_the_log() -> None:
    large = configs.LogSize(10**10, 900, 1_700, 10**9)
    memory.require_append(large, 5_000_000)
    with pytest.raises(errors.UserError, match=r"of 11,000,000,000 events .* 750 GB"):
        memory.require_append(large, 2**40)
    many = configs.LogSize(10**9, 10**8, 900)
    with pytest.raises(errors.UserError, match=r"100,000,000 users to fit .* 13.1 GB"):
        memory.require_append(many, 5_000_000)


def test_a_large_batch_passes_where_the_data_cap_it() -> None:
    training = configs.TrainingConfig(batch_size=10**9)
    memory.require(_with("candidates", training=training), _SIZE, "candidates")


def test_what_is_available_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1e8 < memory.available() < 1e15


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"num_videos": 10**10}, "num_videos"),
        ({"num_users": 10**10}, "num_users"),
        ({"num_topics": 10**9}, "num_topics"),
        ({"num_days": 10**8}, "num_days"),
        ({"live_days": 10**8}, "live_days"),
        ({"watches_per_user": 10**9}, "watches_per_user"),
    ],
)
def test_a_world_beyond_memory_is_named(settings: dict[str, int], named: str) -> None:
    world = configs.WorldConfig(**settings)
    for whole in (True, False):
        with pytest.raises(errors.UserError, match=f"config.data.world.{named} to fit"):
            memory.require_world(world, whole)


def test_worlds_that_can_be_made_pass() -> None:
    """The largest preset is written crowd by crowd; the others are made at once."""
    for name, world in configs.WORLDS.items():
        memory.require_world(world, whole=name != "large")
