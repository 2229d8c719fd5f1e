"""Logged impressions, written by hand or drawn, for metrics of the ranker."""

import pathlib

import numpy as np

from tests.evaluation import fakes
from ytdnn.evaluation import shown_scorers
from ytdnn.log import prepared

# Training impressions: "a" clicked 3 of 4 (20 s each), "b" 1 of 4. Test: two pages.
TRAIN = [
    *[("u0", "a", 30 + t, t > 0, 20.0 * (t > 0)) for t in range(4)],
    *[("u1", "b", 30 + t, t == 0, 20.0 * (t == 0)) for t in range(4)],
]
TEST = [
    ("u0", "a", 90, True, 30.0),
    ("u0", "b", 90, False, 0.0),
    ("u1", "a", 91, False, 0.0),
    ("u1", "b", 91, True, 10.0),
]


def prepared_data(
    tmp_path: pathlib.Path, impressions: list[fakes.Impression]
) -> prepared.PreparedData:
    # Watches at times 0..99; test_fraction 0.3 puts the window's start near 70.
    watches = [(f"u{t % 3}", "abcd"[t % 4], t) for t in range(100)]
    return fakes.prepared_data(
        tmp_path, watches, impressions, test_fraction=0.3, ranking_fraction=0.5
    )


def ranker_of(
    data: prepared.PreparedData, by_id: dict[str, float]
) -> fakes.PlantedRanker:
    table = np.zeros(data.num_videos + 1)
    for video_id, logit in by_id.items():
        table[fakes.index_of(data, video_id)] = logit
    return fakes.PlantedRanker(lambda videos: table[videos])


def impressions(num_users: int, size: int) -> shown_scorers.SplitImpressions:
    rng = np.random.default_rng(0)
    shown = shown_scorers.SplitImpressions.__new__(shown_scorers.SplitImpressions)
    shown.users = rng.integers(0, num_users, size)
    shown.users[:num_users] = np.arange(num_users)
    shown.clicked = rng.random(size) < 0.4
    shown.rows = np.arange(size)
    shown.pages, shown.videos = shown.users, np.ones(size, int)
    shown.user_indices = np.arange(num_users)
    shown.seconds = rng.gamma(2.0, 20.0, size) * shown.clicked * (1 + shown.users % 5)
    shown.weights = np.where(shown.clicked, shown.seconds, 1.0)
    return shown
