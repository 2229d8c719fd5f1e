"""Days as they are: refreshes give the bytes of one `prepare` over all."""

import pathlib

import pytest

from tests.ops.refresh import random_days


@pytest.mark.parametrize("events_per_shard", [1_000, 1_000_000])
def test_random_days_are_one_log(tmp_path: pathlib.Path, events_per_shard: int) -> None:
    random_days.check(events_per_shard, tmp_path, events_per_shard)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))  # two to four days each
def test_a_hundred_random_days_are_one_log(tmp_path: pathlib.Path, seed: int) -> None:
    random_days.check(seed, tmp_path)
