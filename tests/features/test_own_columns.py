"""Which of the log's own columns the ranker reads without being told."""

import pathlib

import numpy as np
import polars as pl
import pytest

from tests import changed_log, full_log
from tests.features import contract
from ytdnn import configs
from ytdnn.features import column_features, own_columns
from ytdnn.log import prepared
from ytdnn.ranking import building

PreparedData = prepared.PreparedData

EVERY = ("users.segment", "users.points", "videos.genre", "videos.stars")
_START, _DAY = 1_600_000_000, 86_400
_VIDEOS, _USERS, _ROWS = 150, 40, 8_000


def _read(config: configs.RankingConfig, data: PreparedData) -> set[str]:
    return {feature.name for feature in building.features_of(config, data)}


def test_own_columns_are_features_without_being_named(data: PreparedData) -> None:
    found = own_columns.find(data, 64)
    assert found.read == EVERY
    assert set(EVERY) <= _read(configs.RankingConfig(), data)
    (line,) = found.lines()
    assert all(name in line for name in EVERY)


def test_one_of_them_can_be_removed_and_all_be_left_out(data: PreparedData) -> None:
    off = configs.FeaturesConfig(remove=("videos.genre",))
    assert _read(configs.RankingConfig(features=off), data) & set(EVERY) == (
        set(EVERY) - {"videos.genre"}
    )
    assert not _read(configs.RankingConfig(own_columns=0), data) & set(EVERY)


def test_beyond_the_limit_they_are_named_and_left_out(data: PreparedData) -> None:
    found = own_columns.find(data, 3)
    assert found.read == EVERY[:3]
    assert "videos.stars; numbers of one vector" in found.lines()[-1]
    many = own_columns.OwnColumns(beyond=tuple(f"videos.v_{i}" for i in range(1000)))
    assert len(many.lines()[0]) < 500
    named = configs.FeaturesConfig(add=("videos.stars",))
    assert "videos.stars" in _read(
        configs.RankingConfig(own_columns=3, features=named), data
    )


def test_what_says_nothing_or_cannot_be_asked_is_left_out(
    tmp_path: pathlib.Path,
) -> None:
    log = full_log.tables()
    log["users"] = log["users"].rename({"points": "time"}).with_columns(one=pl.lit("x"))
    log["videos"] = log["videos"].with_columns(none=pl.lit(None, pl.Float64))
    found = own_columns.find(full_log.prepared_data(tmp_path, log), 64)
    assert found.read == ("users.segment", "videos.genre", "videos.stars")
    assert found.refused == ("users.time",)
    assert "users.time" in found.lines()[-1]


@pytest.fixture(scope="module")
def trends(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """A log whose videos have their days, with clicks counted in several ways."""
    rng = np.random.default_rng(0)
    times = np.sort(rng.integers(0, 20 * _DAY, _ROWS))
    peaks, appeal = rng.uniform(0, 20, _VIDEOS), rng.uniform(0.1, 0.7, _VIDEOS)
    days = times[:, np.newaxis] / _DAY
    weights = np.exp(-(((days - peaks) / 4.0) ** 2)) + 0.02
    chances = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    videos = (rng.random((_ROWS, 1)) > chances[:, :-1]).sum(axis=1)
    clicked = rng.random(_ROWS) < appeal[videos]

    def counted(rows: np.ndarray) -> np.ndarray:
        return np.bincount(videos[rows], minlength=_VIDEOS).astype(float)

    shown = pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in rng.integers(_USERS, size=_ROWS)],
            "video_id": [f"v{i}" for i in videos],
            "time": _START + times,
            "clicked": clicked,
        }
    )
    before = times < np.quantile(times, 0.7)  # where the ranker's window begins
    of_videos = {
        "video_id": [f"v{i}" for i in range(_VIDEOS)],
        "total_views": counted(clicked),
        "total_shown": counted(times >= 0),
        "shown_before": counted(before),
        "total_rate": counted(clicked) / np.maximum(counted(times >= 0), 1.0),
        "views_before": counted(clicked & before),
        "quality": appeal + rng.normal(0, 0.1, _VIDEOS),
        "noise": rng.normal(size=_VIDEOS),
    }
    tables = {
        "watches": shown.filter(pl.col("clicked")).drop("clicked"),
        "impressions": shown,
        "videos": pl.DataFrame(of_videos),
    }
    directory: pathlib.Path = tmp_path_factory.mktemp("trends")
    return full_log.prepared_data(directory, tables, validation_fraction=0.3)


def test_a_number_counted_over_the_whole_log_is_left_out_and_named(
    trends: PreparedData,
) -> None:
    found = own_columns.find(trends, 64)
    foreseeing = dict(found.foreseeing)
    assert {"videos.total_views", "videos.total_shown"} <= set(foreseeing)
    assert "the number of impressions" in foreseeing["videos.total_shown"]
    assert "the number of watches in the whole" in foreseeing["videos.total_views"]
    assert {"videos.views_before", "videos.shown_before"} <= set(found.read)
    assert "videos.noise" in found.read
    line = next(line for line in found.lines() if "videos.total_views" in line)
    assert "may know the future" in line
    assert "--features=videos.total_views" in line
    named = configs.FeaturesConfig(add=("videos.total_views",))
    assert "videos.total_views" in _read(configs.RankingConfig(features=named), trends)


class TestManyValues(contract.FeatureContract):
    """A text of the user's own that has more values than are known: hashed."""

    name = "users.segment"

    def feature(self, data: PreparedData) -> column_features.HashedColumn:
        del data
        return column_features.HashedColumn(self.name, self.name)

    def test_equal_texts_have_one_place(self, data: PreparedData) -> None:
        rows = self.feature(data).rows(data)
        texts = data.users["segment"].to_list()
        places = {text: set(rows[[t == text for t in texts]]) for text in set(texts)}
        assert all(len(found) == 1 for found in places.values())
        assert places[None] == {0}
        assert len(np.unique(rows)) == len(places)


def test_a_text_of_many_values_is_hashed(
    data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(
        own_columns.feature("videos.genre", data), column_features.TextColumn
    )
    monkeypatch.setattr(column_features, "MAX_VALUES", 1)
    fresh = changed_log.with_tables(data)
    assert isinstance(
        own_columns.feature("videos.genre", fresh), column_features.HashedColumn
    )
