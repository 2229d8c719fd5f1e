"""Sizes beyond the memory there is are refused before any work."""

import dataclasses

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run.pipeline import log_size

_SIZE = configs.LogSize(watches=100_000, users=900, videos=1_700, impressions=50_000)
_PLAIN = configs.Config()


@pytest.fixture(autouse=True)
def eight_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_size, "available_memory", lambda: 8e9)


@pytest.mark.parametrize("stage", ["candidates", "ranking"])
@pytest.mark.parametrize(
    "changed",
    [
        {"history_length": 10**9},
        {"embedding_dim": 10**7},
        {"tower": (10**5, 10**5)},
    ],
)
def test_a_size_beyond_memory_is_named(stage: str, changed: dict[str, object]) -> None:
    part = dataclasses.replace(getattr(_PLAIN, stage), **changed)
    config = dataclasses.replace(_PLAIN, **{stage: part})
    words = f"expected config.{stage}.{next(iter(changed))} .* at least"
    with pytest.raises(errors.UserError, match=words):
        log_size.require_memory(config, _SIZE, stage)
    log_size.require_memory(config, None, stage)


@pytest.mark.parametrize("stage", ["candidates", "ranking"])
def test_the_defaults_pass_for_a_million_videos(stage: str) -> None:
    log_size.require_memory(_PLAIN, configs.LogSize(10**9, 10**7, 10**6, 10**9), stage)


def test_a_world_that_cannot_be_is_refused() -> None:
    log_size.require_memory_of_world(_PLAIN.data.world)
    large = dataclasses.replace(_PLAIN.data.world, num_users=10**10)
    with pytest.raises(errors.UserError, match=r"config\.data\.world\.num_users"):
        log_size.require_memory_of_world(large)
