"""What repeated pairs of watches tell, on made watches."""

import numpy as np
import pytest

from ytdnn.log import events, user_shards, watched_pairs

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


def of_popularity() -> np.ndarray:
    shares = 1.0 / np.arange(1, VIDEOS + 1)
    drawn = np.random.default_rng(0).choice(
        VIDEOS, (USERS, LENGTH), p=shares / shares.sum()
    )
    return 1 + drawn


def measured(videos: np.ndarray, parts: int = 1) -> watched_pairs.WatchedPairs:
    shards = [shard(part, events.Split.TRAIN) for part in np.array_split(videos, parts)]
    return watched_pairs.measure(shards)


@pytest.mark.parametrize("parts", [1, 3])
def test_neighbours_repeat_more_often_only_where_order_tells(parts: int) -> None:
    assert measured(of_taste(), parts).order == pytest.approx(1.0, abs=0.1)
    assert measured(of_order(), parts).order > 1.5


@pytest.mark.parametrize("parts", [1, 3])
def test_pairs_repeat_as_often_as_by_chance_where_only_popularity_counts(
    parts: int,
) -> None:
    assert measured(of_taste(), parts).lift == pytest.approx(1.0, abs=0.1)
    assert measured(of_popularity(), parts).lift == pytest.approx(1.0, abs=0.1)
    assert measured(of_order(), parts).lift > 5.0


def test_users_with_two_watches_have_a_lift_and_no_order() -> None:
    found = measured(of_order().reshape(-1, 2))
    assert found.lift > 5.0
    assert found.order == 0.0


def test_the_test_s_watches_do_not_count() -> None:
    found = watched_pairs.measure([shard(of_order(), events.Split.TEST)])
    assert found == watched_pairs.WatchedPairs(0.0, 0.0)
