"""The log that is cut where the test begins, and both bundles asked about the rest."""

import dataclasses
import pathlib

import polars as pl
import pytest

from experiments import refit
from tests import planted
from ytdnn import configs
from ytdnn.log import events, prepare

WORLD = configs.WORLDS["tiny"]


@pytest.mark.thorough
def test_the_log_holds_nothing_from_the_cut_on(tmp_path: pathlib.Path) -> None:
    data = prepare.prepare(configs.DataConfig(world=WORLD), tmp_path / "data")
    end = data.manifest.facts["windows"]["test"]
    refit.cut_log(WORLD, end, tmp_path / "known")
    for name, column in (
        ("watches", "time"),
        ("impressions", "time"),
        ("searches", "time"),
        ("videos", "upload_time"),
    ):
        times = pl.read_parquet(tmp_path / "known" / f"{name}.parquet")[column]
        assert len(times) > 0
        assert times.max() < end
    watches = pl.read_parquet(tmp_path / "known" / "watches.parquet")
    is_test = data.watches.splits == events.Split.TEST
    assert watches.height == (~is_test).sum()
    assert is_test.sum() > 0


@pytest.mark.slow
def test_both_bundles_are_asked_the_same(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = configs.TrainingConfig(epochs=1)
    tiny = planted.tiny_config()
    config = dataclasses.replace(
        tiny,
        data=configs.DataConfig(world=WORLD),
        ranking=dataclasses.replace(tiny.ranking, training=training),
    )
    found = refit.compare(config, tmp_path)
    assert list(found) == [
        (name, days) for name in (refit.WITHOUT, refit.WITH) for days in (1.0, 0.0)
    ]
    for days in (1.0, 0.0):
        pair = [
            found[name, days].report.protocol for name in (refit.WITHOUT, refit.WITH)
        ]
        assert pair[0].users == pair[1].users > 0
        assert pair[0].answers == pair[1].answers
    assert found[refit.WITH, 0.0].value("system", "true_watch_seconds@10") > 0.0
