"""With no setting given, logs of a few watches train, and say what was chosen."""

import pathlib

import polars as pl
import pytest

import ytdnn
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.run.pipeline import workdir as run_workdir


@pytest.mark.parametrize(
    ("num_users", "num_videos", "protocol"),
    [
        (3, 5, "leave_one_out"),
        pytest.param(3, 5, "temporal", marks=pytest.mark.slow),
        pytest.param(10, 1, "leave_one_out", marks=pytest.mark.slow),
    ],
)
def test_a_tiny_log_trains_by_default(
    tmp_path: pathlib.Path, num_users: int, num_videos: int, protocol: str
) -> None:
    rows = [
        (f"u{user}", f"v{(3 * user + 2 * day) % num_videos}", 86_400 * day + 60 * user)
        for day in range(6)
        for user in range(num_users)
    ]
    watches = pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")
    config = configs.Config(data=configs.DataConfig(protocol=protocol))  # type: ignore[arg-type]
    ytdnn.prepare(tmp_path, config, tables={"watches": watches})
    said: list[str] = []
    ytdnn.train(tmp_path, stage="candidates", verbose=said.append)
    (line,) = (
        line for line in said if line.startswith("settings chosen by the contest")
    )
    assert f"{len(rows)} watches, {num_users} users, " in line
    made = artifacts.read_manifest(tmp_path / "candidates", "candidates").config
    assert made["candidates"]["training"]["batch_size"] == 64
    recorded = run_workdir.require_config(tmp_path).candidates
    assert configs.as_trained(recorded) == configs.as_trained(
        configs.component(configs.CandidatesConfig, made["candidates"])
    )
    assert recorded.auto == configs.Config().candidates.auto
