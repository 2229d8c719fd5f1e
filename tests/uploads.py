"""A tiny log whose channels decide what is watched, with uploads after the training.

Each user watches the videos of one channel. Of every channel some videos come out only
after the candidate model's training window, so that nothing but their channel says who
will watch them.
"""

import dataclasses
import pathlib

import numpy as np
import polars as pl

from ytdnn import configs
from ytdnn.log import prepare, prepared

NUM_CHANNELS = 4
NUM_USERS = 60
NUM_OLD, NUM_NEW = 40, 12  # videos
_PER_USER = 30
_START = 1_600_000_000 - 1_600_000_000 % 86_400
_DAY = 86_400
_UPLOAD_DAY, _LAST_DAY = 50, 60
# Of nothing is known: no channel, no language, no upload, and it is never watched.
NUM_BARE = 1


def tables(seed: int = 0) -> dict[str, pl.DataFrame]:
    """Returns `watches` and `videos`."""
    rng = np.random.default_rng(seed)
    size = NUM_OLD + NUM_NEW
    watches = []
    for user in range(NUM_USERS):
        times = np.sort(rng.integers(_START, _START + _LAST_DAY * _DAY, _PER_USER))
        for time in times.tolist():
            is_late = time > _START + _UPLOAD_DAY * _DAY and rng.random() < 0.5
            first, number = (NUM_OLD, NUM_NEW) if is_late else (0, NUM_OLD)
            place = int(rng.integers(number // NUM_CHANNELS))
            video = first + place * NUM_CHANNELS + user % NUM_CHANNELS
            watches.append((f"u{user}", f"v{video}", time))
    days = [-10 - i for i in range(NUM_OLD)] + [_UPLOAD_DAY] * NUM_NEW
    bare = [None] * NUM_BARE
    return {
        "watches": pl.DataFrame(
            watches, schema=["user_id", "video_id", "time"], orient="row"
        ),
        "videos": pl.DataFrame(
            {
                "video_id": [f"v{i}" for i in range(size + NUM_BARE)],
                "channel_id": [f"c{i % NUM_CHANNELS}" for i in range(size)] + bare,
                "title": [f"Show of c{i % NUM_CHANNELS}" for i in range(size)] + bare,
                "duration_seconds": [60.0 + i for i in range(size)] + bare,
                "upload_time": [_START + day * _DAY for day in days] + bare,
            }
        ),
    }


def prepared_data(
    directory: pathlib.Path, log: dict[str, pl.DataFrame] | None = None
) -> prepared.PreparedData:
    """Prepares the log under `directory / "data"`."""
    (directory / "log").mkdir(parents=True)
    for name, table in (log or tables()).items():
        table.write_parquet(directory / "log" / f"{name}.parquet")
    config = configs.DataConfig(source="log", dir=str(directory / "log"))
    return prepare.prepare(config, directory / "data")


def config(content: bool = True, **settings: object) -> configs.Config:
    """Returns a run that learns the log in seconds."""
    candidates = configs.CandidatesConfig(
        embedding_dim=8,
        tower=(16,),
        history_length=8,
        content=configs.ContentConfig(enabled=content),
        training=configs.TrainingConfig(
            epochs=6, batch_size=64, learning_rate=0.01, table_learning_rate=0.3
        ),
    )
    settings = {"loss": configs.SampledSoftmaxConfig(num_negatives=16)} | settings
    return configs.Config(candidates=dataclasses.replace(candidates, **settings))
