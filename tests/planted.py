"""A tiny log with planted preferences, whose right answers are known.

Users and videos have one of two tastes. A user mostly watches and clicks videos of
their own taste. A few videos appear only late, after the candidate model's training
window, so they are out of vocabulary. Ids of users are strings; those of videos
strings or integers.
"""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import polars as pl

import ytdnn
from ytdnn import configs
from ytdnn.features import base_feature, counters, feature_choice
from ytdnn.log import prepare, prepared

NUM_USERS = 60
NUM_VIDEOS = 40
NUM_LATE_VIDEOS = 4
_PER_USER = 24
_START = 1_600_000_000
_DAY = 86_400


def write_log(
    directory: pathlib.Path, seed: int = 0, integer_ids: bool = False
) -> pathlib.Path:
    """Writes `watches`, `impressions`, `videos` and `users` as Parquet."""
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True, exist_ok=True)
    all_videos = NUM_VIDEOS + NUM_LATE_VIDEOS
    ids = [i * 10 + 7 if integer_ids else f"video {i}" for i in range(all_videos)]
    watches, impressions = [], []
    for user in range(NUM_USERS):
        times = np.sort(rng.integers(_START, _START + 60 * _DAY, _PER_USER))
        for time in times.tolist():
            video = int(rng.integers(NUM_VIDEOS // 2)) * 2
            video += user % 2 if rng.random() < 0.95 else 1 - user % 2
            is_late = time > _START + 40 * _DAY
            if is_late and rng.random() < 0.1:
                video = NUM_VIDEOS + int(rng.integers(NUM_LATE_VIDEOS))
            watches.append((f"u{user}", ids[video], time))
            choice = all_videos if is_late else NUM_VIDEOS
            for other in rng.choice(choice, size=4, replace=False).tolist():
                clicked = rng.random() < (0.9 if other % 2 == user % 2 else 0.1)
                seconds = float(rng.uniform(20, 60)) if clicked else 0.0
                row = (f"u{user}", ids[other], time + 30, clicked, seconds)
                impressions.append(row)
    _write(directory, "watches", watches, ["user_id", "video_id", "time"])
    names = ["user_id", "video_id", "time", "clicked", "watch_seconds"]
    _write(directory, "impressions", impressions, names)
    videos = [(ids[i], f"Title {i}") for i in range(all_videos)]
    _write(directory, "videos", videos, ["video_id", "title"])
    users = [
        (
            f"u{i}",
            None if i % 7 == 0 else 20.0 + i,
            "FM"[i % 2],
            ["de", "fr", None][i % 3],
        )
        for i in range(NUM_USERS)
    ]
    _write(directory, "users", users, ["user_id", "age", "gender", "country"])
    return directory


def _write(directory: pathlib.Path, table: str, rows: list, names: list[str]) -> None:
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    frame.write_parquet(directory / f"{table}.parquet")


def prepared_data(
    directory: pathlib.Path,
    seed: int = 0,
    integer_ids: bool = False,
    **settings: Any,
) -> prepared.PreparedData:
    """Prepares the planted log under `directory / "data"`."""
    log = write_log(directory / "log", seed, integer_ids)
    config = configs.DataConfig(
        source="log",
        dir=str(log),
        ranking_fraction=0.4,
        vocabulary="train",
        **settings,
    )
    return prepare.prepare(config, directory / "data")


def _counters_but_one() -> tuple[str, ...]:
    """Returns counters that the few impressions here would drown in."""
    return tuple(
        feature.name
        for feature in feature_choice.network_features(base_feature.RANKING)
        if isinstance(feature, counters.Counter) and feature.name != "video_click_rate"
    )


def tiny_config(seed: int = 0, ranking_epochs: int = 20) -> configs.Config:
    """A configuration that learns the planted tastes in seconds.

    The ranker needs all of its epochs for them, most tests do not.
    """
    return configs.Config(
        candidates=configs.CandidatesConfig(
            content=configs.ContentConfig(enabled=False),
            embedding_dim=8,
            history_length=10,
            tower=(16,),
            decay_rates=(0.8,),
            loss=configs.SampledSoftmaxConfig(num_negatives=32),
            training=configs.TrainingConfig(epochs=2, batch_size=256),
        ),
        composition=configs.CompositionConfig(15, (("popular", 0.0),)),
        evaluation=configs.EvaluationConfig(baselines=()),
        ranking=configs.RankingConfig(
            enabled=True,  # whatever so few impressions say of it
            embedding_dim=8,
            history_length=12,
            tower=(32, 16),
            dropout=0.0,
            # What is served is then the exponential of the order.
            head=configs.ClickTimesWatchTimeConfig(order_by="seconds"),
            features=configs.FeaturesConfig(remove=_counters_but_one()),
            training=configs.TrainingConfig(
                epochs=ranking_epochs,
                batch_size=32,
                learning_rate=0.002,
                table_learning_rate=0.05,
                table_accumulator=1e-7,
                patience=20,
            ),
        ),
        seed=seed,
        advance="none",
    )


RUN_CONFIG = tiny_config(ranking_epochs=2)


def make_run(home: pathlib.Path) -> None:
    """Makes `home/run` as a notebook does, of frames: from the log to the bundle."""
    workdir = home / "run"
    ytdnn.prepare(workdir, RUN_CONFIG, tables=frames(home))
    ytdnn.train(workdir, RUN_CONFIG)
    ytdnn.export(workdir, RUN_CONFIG)


def frames(home: pathlib.Path) -> dict[str, pl.DataFrame]:
    """Returns the tables of the log, which is written to `home/log`."""
    log = write_log(home / "log")
    return {path.stem: pl.read_parquet(path) for path in sorted(log.iterdir())}


def untaught_config() -> configs.Config:
    """The same after an epoch of the ranker, and for exact search alone."""
    exact = configs.IndexConfig(search=configs.ExactConfig())
    return dataclasses.replace(tiny_config(ranking_epochs=1), index=exact)


def cluster_config(data: configs.DataConfig | None = None) -> configs.Config:
    """A configuration that several processes of `tests.quick` train in seconds."""
    tiny = tiny_config()
    training = configs.TrainingConfig(
        epochs=4, patience=4, batch_size=64, learning_rate=0.01
    )
    own = dataclasses.replace(tiny.candidates, training=training)
    ranking = dataclasses.replace(
        tiny.ranking, training=configs.TrainingConfig(epochs=1, batch_size=64)
    )
    return dataclasses.replace(
        tiny,
        data=configs.DataConfig() if data is None else data,
        candidates=own,
        ranking=ranking,
    )


def add_outcomes(directory: pathlib.Path, seed: int = 0) -> pathlib.Path:
    """Adds outcomes to the impressions of `write_log`, some of them unknown.

    Clicks on videos of the user's own taste are `liked` with .8, others with .05;
    impressions of the other taste are `disliked` with .3. Every tenth of these is
    unknown. `price` is what a click brings: 5 for each fourth video, else 0.
    """
    rng = np.random.default_rng(seed)
    path = directory / "impressions.parquet"
    shown = pl.read_parquet(path)
    users = shown["user_id"].str.slice(1).cast(pl.Int64).to_numpy()
    videos = shown["video_id"].str.slice(6).cast(pl.Int64).to_numpy()
    clicked, draws = shown["clicked"].to_numpy(), rng.random((2, shown.height))
    own = users % 2 == videos % 2
    unknown = pl.Series(np.arange(shown.height) % 10 == 0)
    liked = pl.Series(clicked & (draws[0] < np.where(own, 0.8, 0.05)))
    disliked = pl.Series(~own & (draws[1] < 0.3))
    shown.with_columns(
        liked=pl.when(~unknown).then(liked),
        disliked=pl.when(~unknown).then(disliked),
        price=pl.Series(np.where(clicked & (videos % 4 == 0), 5.0, 0.0)),
    ).write_parquet(path)
    return directory
