"""The smallest legal logs go from their frames to a recommendation."""

import dataclasses
import json
import math
import pathlib

import polars as pl
import pytest

import ytdnn
from tests import planted

_DAY = 86_400


def frames(
    num_users: int, num_videos: int, num_watches: int
) -> dict[str, pl.DataFrame]:
    """Returns a watch a day of each user, and an impression before it, half clicked."""
    rows = [
        (f"u{user}", f"v{(3 * user + 2 * day) % num_videos}", _DAY * day + 60 * user)
        for day in range(num_watches)
        for user in range(num_users)
    ]
    watches = pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")
    watches = watches.with_columns(
        time=1_700_000_000 + pl.col("time"), watch_seconds=pl.lit(30.0)
    )
    clicked = pl.int_range(pl.len()) % 2 == 0
    impressions = watches.with_columns(
        time=pl.col("time") - 30,
        clicked=clicked,
        watch_seconds=pl.when(clicked).then(30.0).otherwise(0.0),
    )
    return {"watches": watches, "impressions": impressions}


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in a JSON file")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("sizes", "protocol"),
    [
        ((3, 5, 6), "temporal"),
        ((3, 5, 6), "leave_one_out"),
        ((10, 1, 5), "leave_one_out"),  # one video
    ],
)
def test_the_smallest_logs_go_the_whole_way(
    tmp_path: pathlib.Path, sizes: tuple[int, int, int], protocol: str
) -> None:
    config = planted.untaught_config()
    data = dataclasses.replace(config.data, protocol=protocol)
    config = dataclasses.replace(config, data=data)
    ytdnn.prepare(tmp_path, config, tables=frames(*sizes))
    ytdnn.train(tmp_path)
    bundle = ytdnn.export(tmp_path)
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
    found = ytdnn.Recommender.load(bundle).recommend(["u1", "u2"], k=3)
    assert all(math.isfinite(score) for score in found["score"])
