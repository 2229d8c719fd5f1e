"""Hashed rows the whole way: train, index, rank, export, serve, refresh."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests import planted
from ytdnn import configs
from ytdnn.bundle import bundle as bundle_room
from ytdnn.log import prepared, schema
from ytdnn.models.candidates import model

ROWS = 16


def _config() -> configs.Config:
    config = planted.untaught_config()
    config = configs.changed(config, {"candidates.hashed_rows": ROWS})
    training = dataclasses.replace(config.ranking.training, epochs=1)
    return configs.changed(config, {"ranking.training": training})


@pytest.mark.thorough
def test_a_bundle_and_a_refresh_have_the_sums_of_rows(tmp_path: pathlib.Path) -> None:
    tables = planted.frames(tmp_path)
    events = (schema.WATCHES, schema.IMPRESSIONS)
    middle = tables[schema.WATCHES][schema.TIME].quantile(0.8, "lower")
    old, new = (
        {n: t.filter(part) if n in events else t for n, t in tables.items()}
        for part in (pl.col(schema.TIME) <= middle, pl.col(schema.TIME) > middle)
    )
    ytdnn.prepare(tmp_path / "old", _config(), tables=old)
    ytdnn.train(tmp_path / "old")
    ytdnn.export(tmp_path / "old")
    data = prepared.load(tmp_path / "old" / "data")
    trained = model.load(tmp_path / "old" / "candidates", data)
    assert isinstance(trained, model.CandidateModel)
    assert trained.videos.table.shape[0] == ROWS + 1
    served = bundle_room.load(tmp_path / "old" / "bundle").video_vectors()
    expected = trained.video_vectors()
    np.testing.assert_allclose(served[: len(expected)], expected, atol=1e-6)
    recommender = ytdnn.Recommender.load(tmp_path / "old" / "bundle")
    assert recommender.recommend(["u1"], k=4).height == 4
    assert recommender.similar(["video 2"], k=3).height == 3

    ytdnn.refresh(tmp_path / "old", tmp_path / "new", tables=new)
    grown = prepared.load(tmp_path / "new" / "data")
    refreshed = model.load(tmp_path / "new" / "candidates", grown)
    assert isinstance(refreshed, model.CandidateModel)
    assert refreshed.videos.table.shape[0] == ROWS + 1
    rows_of = [
        dict(
            zip(
                one_data.videos[schema.VIDEO_ID].to_list(),
                one.videos.row_numbers.numpy()[1:].tolist(),
                strict=False,
            )
        )
        for one_data, one in ((data, trained), (grown, refreshed))
    ]
    assert rows_of[0].items() <= rows_of[1].items()
    assert ytdnn.Recommender.load(tmp_path / "new" / "bundle").recommend(["u1"]).height
