"""Hashed rows the whole way: train, index, rank, export, serve, refresh."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests import planted
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import bundle as bundle_room
from ytdnn.candidates import model
from ytdnn.log import prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.ranking import network
from ytdnn.retrieval import stage

ROWS, RANKER_ROWS = 16, 12


def _config() -> configs.Config:
    config = planted.untaught_config()
    config = configs.changed(
        config, {"candidates.hashed_rows": ROWS, "ranking.hashed_rows": RANKER_ROWS}
    )
    training = dataclasses.replace(config.ranking.training, epochs=1)
    return configs.changed(config, {"ranking.training": training})


def _opened(
    workdir: pathlib.Path,
) -> tuple[prepared.PreparedData, model.CandidateModel, network.RankingNetwork]:
    """Returns the data and both networks of a run."""
    data = prepared.load(workdir / "data")
    first_stage = stage.load(workdir / "candidates", data)
    ranker = ranking_model.load(workdir / "ranking", data, first_stage)
    candidates = model.load(workdir / "candidates", data)
    assert isinstance(candidates, model.CandidateModel)
    assert candidates.videos.table.shape[0] == ROWS + 1
    assert ranker.network.videos["shown"].table.shape[0] == RANKER_ROWS + 1
    return data, candidates, ranker.network


def _rows_of(data: prepared.PreparedData, table: Any) -> dict[str, list[int]]:
    """Returns the rows of each video, by its id."""
    ids, rows = data.videos[schema.VIDEO_ID].to_list(), table.row_numbers.numpy()[1:]
    return dict(zip(ids, rows.tolist(), strict=False))


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
    data, trained, ranker = _opened(tmp_path / "old")
    served = bundle_room.load(tmp_path / "old" / "bundle").video_vectors()
    expected = trained.video_vectors()
    np.testing.assert_allclose(served[: len(expected)], expected, atol=1e-6)
    recommender = ytdnn.Recommender.load(tmp_path / "old" / "bundle")
    assert recommender.recommend(["u1"], k=4).height == 4
    assert recommender.similar(["video 2"], k=3).height == 3

    ytdnn.refresh(tmp_path / "old", tmp_path / "new", tables=new)
    grown, refreshed, learned = _opened(tmp_path / "new")
    assert grown.vocabulary_size > data.vocabulary_size
    for old_table, new_table in (
        (trained.videos, refreshed.videos),
        (ranker.videos["shown"], learned.videos["shown"]),
    ):
        before, after = _rows_of(data, old_table), _rows_of(grown, new_table)
        assert before.items() <= after.items()
        assert all(min(rows) > 0 for rows in after.values())
        assert np.any(new_table.table.numpy() != old_table.table.numpy())
    assert ytdnn.Recommender.load(tmp_path / "new" / "bundle").recommend(["u1"]).height
