"""Columns of the user's own as features."""

import pathlib

import numpy as np
import pytest

from tests import changed_log, full_log, tag_log
from tests.features import contract
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.features import base_feature, column_features, feature_choice
from ytdnn.log import events, prepared
from ytdnn.ranking import building
from ytdnn.ranking import model as ranking_model


class TestOwnTextOfUsers(contract.FeatureContract):
    name = "users.segment"
    network = base_feature.CANDIDATES


class TestOwnNumberOfUsers(contract.FeatureContract):
    name = "users.points"


class TestOwnTextOfVideos(contract.FeatureContract):
    name = "videos.genre"


class TestOwnNumberOfVideos(contract.FeatureContract):
    name = "videos.stars"


@pytest.mark.parametrize("column", ["my points", "time", "größe"])
def test_a_column_of_users_must_be_able_to_be_a_key_of_requests(
    tmp_path: pathlib.Path, column: str
) -> None:
    log = full_log.tables()
    log["users"] = log["users"].rename({"points": column})
    data = full_log.prepared_data(tmp_path, log)
    with pytest.raises(errors.UserError, match=f"received users.{column}: rename"):
        feature_choice.choose(
            base_feature.RANKING, data, configs.FeaturesConfig(add=(f"users.{column}",))
        )


def test_a_column_of_videos_may_have_any_name(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].rename({"genre": "my genre", "stars": "größe"})
    data = full_log.prepared_data(tmp_path, log)
    wanted = configs.FeaturesConfig(add=("videos.my genre", "videos.größe"))
    config = configs.RankingConfig(features=wanted, tower=(8,), embedding_dim=4)
    trained = building.build(config, data)
    ranking_model.save(trained, tmp_path)
    names = [feature.name for feature in trained.features]
    assert {"videos.my genre", "videos.größe"} <= set(names)


def test_a_wrong_name_is_answered_with_the_right_ones(
    data: prepared.PreparedData,
) -> None:
    wrong = configs.FeaturesConfig(add=("videos.genres",))
    with pytest.raises(errors.UserError, match=r"did you mean videos\.genre\?"):
        feature_choice.choose(base_feature.RANKING, data, wrong)
    with pytest.raises(errors.UserError, match="expected a feature of candidates"):
        feature_choice.choose(base_feature.CANDIDATES, data, wrong)


class TestMostClickedValues(contract.FeatureContract):
    """A column with more values than are known."""

    name = "channel_id"

    def feature(self, data: prepared.PreparedData) -> column_features.TextColumn:
        return column_features.TextColumn(self.name, "videos.channel_id", max_values=2)

    def test_the_most_clicked_are_known(self, data: prepared.PreparedData) -> None:
        shown, channels = data.impressions, data.videos["channel_id"].to_list()
        is_click = shown.clicked & (shown.splits == events.Split.TRAIN)
        clicked = [channels[video - 1] for video in shown.videos[is_click]]
        counts = {c: clicked.count(c) for c in set(channels) - {None}}
        assert len(counts) == 4
        best = sorted(counts, key=lambda c: (-counts[c], str(c)))[:2]
        feature = self.feature(data)
        assert feature.known_values(data) == sorted(str(c) for c in best)
        places = {c: i for i, c in enumerate(sorted(best, key=str), 1)}
        expected = [places.get(c, 0) for c in channels]
        assert feature.rows(data).tolist() == [0, *expected]

    def test_what_happens_to_the_events_changes_no_vocabulary(
        self, data: prepared.PreparedData
    ) -> None:
        known = self.feature(data).known_values(data)
        channels = [None, *data.videos["channel_id"].cast(str).to_list()]
        other = next(c for c in channels if c and c not in known)
        shown = data.impressions
        changed = shown.replace(
            videos=np.full_like(shown.videos, channels.index(other)),
            clicked=np.ones(len(shown), bool),
        )
        again = changed_log.with_tables(data, impressions=changed)
        assert self.feature(data).known_values(again) == known


@pytest.mark.parametrize("table", ["impressions", "watches"])
def test_values_of_users_are_known_by_clicks_or_else_by_watches(
    tmp_path: pathlib.Path, table: str
) -> None:
    log = full_log.tables()
    if table == "watches":
        del log["impressions"]
    data = full_log.prepared_data(tmp_path, log)
    logged = getattr(data.log.shard, table)
    counts = logged.splits == events.Split.TRAIN
    if table == "impressions":
        counts = counts & logged.clicked
    of_users = np.bincount(logged.users[counts], minlength=data.num_users)
    points = data.users["points"].cast(str).to_list()
    rows = [row for row, value in enumerate(points) if value is not None]
    best = sorted(rows, key=lambda row: (-of_users[row], points[row]))[:5]
    # Numbers, each of one user, taken for texts.
    feature = column_features.TextColumn("points", "users.points", max_values=5)
    assert feature.known_values(data) == sorted(points[row] for row in best)
    assert np.flatnonzero(feature.rows(data)).tolist() == sorted(best)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return tag_log.prepared_data(tmp_path_factory.mktemp("tags"))


class TestSeveralValues(contract.FeatureContract):
    """The mean of the values' embeddings, of tags in lists or in a text."""

    name = "videos.labels"

    @pytest.fixture
    def data(self, tagged: prepared.PreparedData) -> prepared.PreparedData:
        return tagged

    @pytest.fixture
    def log_without(self, request: pytest.FixtureRequest) -> contract.LogWithout:
        without = tag_log.tables()
        without["videos"] = without["videos"].drop("labels")
        directory = request.getfixturevalue("tmp_path")
        return lambda column: full_log.prepared_data(directory, without)

    def test_a_video_is_encoded_as_the_mean(self, data: prepared.PreparedData) -> None:
        feature, layer = self.feature(data), self.encoder(data)
        assert feature.known_values(data) == ["cat", "dog", "fun", "jazz"]
        rows = feature.rows(data)
        assert rows[:5].tolist() == [[0] * 3, [1, 3, 0], [0] * 3, [2, 0, 0], [3, 4, 1]]
        cat, _, fun, jazz = layer(np.diag([1, 2, 3, 4])).numpy()
        found = layer(rows[:5]).numpy()
        np.testing.assert_allclose(found[4], cat / 3 + fun / 3 + jazz / 3, rtol=1e-6)
        assert not found[2].any()

    def test_the_most_clicked_are_known(self, data: prepared.PreparedData) -> None:
        shown, tags = data.impressions, data.videos["tags"].to_list()
        is_click = shown.clicked & (shown.splits == events.Split.TRAIN)
        clicked = [t for v in shown.videos[is_click] for t in tags[v - 1] or ()]
        best = sorted(set(clicked), key=lambda t: (-clicked.count(t), t))[:2]
        feature = self.feature(data)
        feature.max_values = 2
        assert feature.known_values(data) == sorted(best)

    def test_both_kinds_of_column_are_read_by_default(
        self, data: prepared.PreparedData
    ) -> None:
        names = {f.name for f in building.features_of(configs.RankingConfig(), data)}
        assert {"videos.tags", "videos.labels"} <= names


class TestSeveralValuesInContent(TestSeveralValues):
    network = base_feature.CONTENT
