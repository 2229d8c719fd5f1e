"""Whether the order of watches tells something, on made watches."""

import numpy as np
import pytest

from ytdnn.log import events, user_shards, watch_order

USERS, LENGTH, VIDEOS = 200, 20, 100


def shard(videos: np.ndarray, split: events.Split) -> user_shards.LazyShard:
    """Returns users with as many watches each, `videos [users, length]`."""
    users, length = videos.shape
    size = users * length
    watches = events.Watches(
        offsets=np.arange(users + 1) * length,
        videos=videos.ravel().astype(np.int32),
        times=np.arange(size),
        splits=np.full(size, split, np.int8),
    )
    return user_shards.in_memory(user_shards.Shard(watches, None, None), users)


def of_taste() -> np.ndarray:
    return 1 + np.random.default_rng(0).integers(0, VIDEOS, (USERS, LENGTH))


def of_order() -> np.ndarray:
    """Returns watches that mostly follow a chain through all videos."""
    rng = np.random.default_rng(0)
    steps = rng.choice([1, 1, 1, 37], (USERS, LENGTH))
    starts = rng.integers(0, VIDEOS, (USERS, 1))
    return 1 + (starts + np.cumsum(steps, axis=1)) % VIDEOS


@pytest.mark.parametrize("parts", [1, 3])
def test_neighbours_repeat_more_often_only_where_order_tells(parts: int) -> None:
    found = []
    for videos in (of_taste(), of_order()):
        shards = [
            shard(part, events.Split.TRAIN) for part in np.array_split(videos, parts)
        ]
        found.append(watch_order.measure(shards))
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert found[1] > 1.5


def test_the_test_s_watches_do_not_count() -> None:
    assert watch_order.measure([shard(of_order(), events.Split.TEST)]) == 0.0


def test_few_repeats_say_nothing() -> None:
    assert watch_order.measure([shard(of_order()[:5], events.Split.TRAIN)]) == 0.0


def test_no_more_watches_are_read_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_order, "_MOST_WATCHES", USERS * LENGTH)
    later = user_shards.LazyShard(USERS, 1, 1, lambda: pytest.fail("it was read"))
    parts = [shard(of_order(), events.Split.TRAIN), later]
    assert watch_order.measure(parts) > 1.5
