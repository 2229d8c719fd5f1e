"""A ranker is calibrated, whatever the watch times of its log are."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.evaluation import shown_scorers
from ytdnn.log import events, prepare
from ytdnn.ranking import model
from ytdnn.training import ranking

_SECONDS = {
    "milliseconds": pl.col("watch_seconds") * 1_000.0,
    "capped": pl.col("watch_seconds").clip(upper_bound=25.0),
    "all equal": pl.col("clicked").cast(pl.Float64) * 30.0,
    "unrelated to durations": pl.col("watch_seconds").exp().log1p() ** 2,
}
_CUT_AT_ONE = ("milliseconds", "fraction")  # every click is longer than its video


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "target"), [*((kind, "auto") for kind in _SECONDS), _CUT_AT_ONE]
)
def test_a_log_of_odd_watch_times_ends_calibrated(
    tmp_path: pathlib.Path, kind: str, target: str
) -> None:
    log = planted.write_log(tmp_path / "log")
    shown = pl.read_parquet(log / "impressions.parquet")
    odd = shown.with_columns(_SECONDS[kind].alias("watch_seconds"))
    odd.write_parquet(log / "impressions.parquet")
    videos = pl.read_parquet(log / "videos.parquet")
    rng = np.random.default_rng(0)
    durations = pl.Series("duration_seconds", rng.uniform(10.0, 300.0, len(videos)))
    videos.with_columns(durations).write_parquet(log / "videos.parquet")
    source = configs.DataConfig(
        source="log", dir=str(log), ranking_fraction=0.6, test_fraction=0.2
    )
    data = prepare.prepare(source, tmp_path / "data")
    config = planted.tiny_config(ranking_epochs=4)
    head = dataclasses.replace(config.ranking.head, watch_time=target)
    ranking_config = dataclasses.replace(config.ranking, head=head)
    config = dataclasses.replace(config, ranking=ranking_config)
    ranking.train(config, data, tmp_path / "ranking")
    trained = model.load(tmp_path / "ranking", data)
    test = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    assert test.seconds is not None
    found = trained.predictions(data, test.rows)
    assert found.seconds is not None
    assert np.isfinite(found.order).all()
    # Four hundred clicks: twice the standard error of their sum is a tenth.
    assert found.seconds.sum() == pytest.approx(test.seconds.sum(), rel=0.12)
    assert found.click_probability is not None
    assert found.click_probability.sum() == pytest.approx(test.clicked.sum(), rel=0.12)
