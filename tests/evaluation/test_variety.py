"""How varied lists are, and gaps of quality between groups."""

import pathlib

import numpy as np
import pytest

from tests import full_log, vector_log
from ytdnn.evaluation import list_metrics
from ytdnn.log import prepared


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return vector_log.prepared_data(tmp_path_factory.mktemp("variety"))


def test_lists_are_compared_by_vectors_else_by_topic_else_by_channel(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    assert list_metrics.Variety(data).by == "videos.clip"
    plain = full_log.prepared_data(tmp_path / "plain", full_log.tables())
    assert list_metrics.Variety(plain).by == "topic"
    log = full_log.tables()
    log["videos"] = log["videos"].drop("topic", "genre")
    assert list_metrics.Variety(full_log.prepared_data(tmp_path / "b", log)).by == (
        "channel_id"
    )
    del log["videos"]
    bare = list_metrics.Variety(full_log.prepared_data(tmp_path / "c", log))
    assert bare.by == ""
    watches = np.ones(full_log.NUM_VIDEOS + 1)
    found = bare.per_user(np.array([[1, 2]], np.int32), watches, 2)
    assert list(found) == ["novelty@2"]


def test_coverage_counts_distinct_values_of_what_lists_can_hold(
    data: prepared.PreparedData,
) -> None:
    topics = data.videos["topic"].to_list()
    cats = [i + 1 for i, topic in enumerate(topics) if topic == "cats"][:2]
    music = topics.index("music") + 1
    lists = np.array([cats, [music, cats[0]]], np.int32)
    measure = list_metrics.Variety(data).total
    found = measure(lists, data.num_videos, data.num_videos, 2)
    assert found.values["topic_coverage@2"] == pytest.approx(2 / 3)
    assert set(found.values) == {
        "gini@2",
        "channel_coverage@2",
        "topic_coverage@2",
        "language_coverage@2",
    }
    assert set(found.intervals) == set(found.values)
    one = measure(lists[:, :1], cats[0], data.num_videos, 1)
    known = {topic for topic in topics[: cats[0]] if topic}
    assert one.values["topic_coverage@1"] == pytest.approx(2 / len(known))
