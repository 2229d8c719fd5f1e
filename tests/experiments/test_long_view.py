"""The public protocol, on made files, and its two metrics by hand."""

import argparse
import dataclasses
import math
import pathlib

import numpy as np
import polars as pl
import pytest

from experiments import lightgbm_ranker, long_view
from tests import kuairand_files, planted
from tests.evaluation import logged
from ytdnn import configs
from ytdnn.evaluation import ranker
from ytdnn.log import events, prepared


def test_scores_by_hand() -> None:
    shown = logged.impressions(3, 6)
    shown.users = np.array([0, 0, 0, 1, 1, 2])
    shown.clicked = np.array([True, False, True, False, True, False])
    order = np.array([3.0, 2.0, 1.0, 2.0, 1.0, 5.0])
    found = long_view.scores(shown, order)
    # User 0: one of two pairs right, weight 2; user 1: none of one, weight 1; user 2
    # has no positive.
    assert found["GAUC"][0] == pytest.approx((2 * 0.5 + 1 * 0.0) / 3)
    second, third = 1 / math.log2(3), 1 / math.log2(4)
    first_user = (1 + third) / (1 + second)
    assert found["nDCG@5"][0] == pytest.approx((first_user + second + 0.0) / 3)
    random = long_view.scores(shown, np.zeros(6))
    assert random["GAUC"][0] == 0.5


@pytest.mark.slow
def test_the_protocol_goes_through_on_made_files(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kuairand_files.write(tmp_path, num_users=40, num_videos=60, num_rows=4_000)
    users = pl.read_csv(folder / "user_features_pure.csv")["user_id"]
    videos = pl.read_csv(folder / "video_features_basic_pure.csv")["video_id"]
    rng = np.random.default_rng(0)
    sequences = [rng.choice(videos.to_numpy(), 12).tolist() for _ in users]
    table = pl.DataFrame({"user_id": users, "long_watch_seq": sequences})
    table.write_parquet(folder / "histories.parquet")
    given = argparse.Namespace(
        name="pure",
        data_dir=folder,
        histories="histories.parquet",
        ranking_from="2022-04-08",
        validation_from="2022-04-25",
        test_from="2022-04-29",
        candidate_epochs=1,
        seed=0,
    )
    config = long_view.config_of(given)
    tiny = planted.tiny_config()
    ranking = dataclasses.replace(tiny.ranking, enabled=True)
    config = dataclasses.replace(config, candidates=tiny.candidates, ranking=ranking)
    monkeypatch.setattr(long_view, "HEADS", {"click": configs.ClickConfig()})
    monkeypatch.setitem(lightgbm_ranker._BOOSTING, "num_threads", 1)
    monkeypatch.setitem(lightgbm_ranker._BOOSTING, "min_data_in_leaf", 20)
    monkeypatch.setattr(long_view, "_ROUNDS", 20)
    found = long_view.measure(config, tmp_path / "run")
    assert set(found) == {
        long_view.RANDOM,
        long_view.RATE,
        long_view.CANDIDATES,
        long_view.RANKER,
        long_view.BOOSTED,
    }
    assert found[long_view.RANDOM]["GAUC"][0] == pytest.approx(0.5)
    assert long_view.show(found).row_count == len(found)
    whole = prepared.load(tmp_path / "run" / "all-days" / "data")
    held_out = prepared.load(tmp_path / "run" / "head-0" / "data")
    # The days held out to choose are trained on in the end, and the test is the same.
    windows = [one.manifest.facts["windows"] for one in (held_out, whole)]
    assert windows[1]["ranking_validation"] == windows[1]["test"] == windows[0]["test"]
    sizes = [
        [
            len(ranker.SplitImpressions(one.log, split).rows)
            for split in list(events.Split)[:3]
        ]
        for one in (held_out, whole)
    ]
    assert sizes[1] == [sizes[0][0] + sizes[0][1], 0, sizes[0][2]]
    assert whole.windows.training_window[1] <= windows[0]["ranking"]
