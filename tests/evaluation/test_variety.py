"""How varied lists are, and gaps of quality between groups."""

import pathlib

import numpy as np
import pytest

from tests import full_log, vector_log
from ytdnn.base import errors
from ytdnn.evaluation import quality_gaps, report_model, variety
from ytdnn.log import prepared


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return vector_log.prepared_data(tmp_path_factory.mktemp("variety"))


def test_lists_are_compared_by_vectors_else_by_topic_else_by_channel(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    assert variety.Variety(data).by == "videos.clip"
    assert variety.Variety(data, "language").by == "language"
    plain = full_log.prepared_data(tmp_path / "plain", full_log.tables())
    assert variety.Variety(plain).by == "topic"
    log = full_log.tables()
    log["videos"] = log["videos"].drop("topic")
    assert variety.Variety(full_log.prepared_data(tmp_path / "b", log)).by == (
        "channel_id"
    )
    del log["videos"]
    bare = variety.Variety(full_log.prepared_data(tmp_path / "c", log))
    assert bare.by == ""
    watches = np.ones(full_log.NUM_VIDEOS + 1)
    found = bare.per_user(np.array([[1, 2]], np.int32), watches, 2)
    assert list(found) == ["novelty@2"]
    with pytest.raises(errors.UserError, match=r"similarity_by .*videos\.clip.*genres"):
        variety.Variety(data, "genres")


def test_coverage_counts_distinct_values_of_what_lists_can_hold(
    data: prepared.PreparedData,
) -> None:
    topics = data.videos["topic"].to_list()
    cats = [i + 1 for i, topic in enumerate(topics) if topic == "cats"][:2]
    music = topics.index("music") + 1
    lists = np.array([cats, [music, cats[0]]], np.int32)
    measure = variety.Variety(data).of_all
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


def row(value: str, users: int, recall: float) -> report_model.SliceRow:
    lists = {"candidates": {"recall@10": (recall, recall - 0.1, recall + 0.1)}}
    return report_model.SliceRow(value=value, users=users, answers=users, lists=lists)


def test_a_gap_is_that_of_the_largest_and_smallest_group() -> None:
    rows = [row("a", 40, 0.3), row("b", 29, 0.0), row("c", 30, 0.1), row("d", 99, 0.2)]
    found = quality_gaps.of_slices({"country": rows, "new_user": rows[:2]})
    assert list(found) == ["country"]  # one group of new_user is large enough
    gap = found["country"]["candidates"]["recall@10"]
    assert (gap.best, gap.worst) == ("a", "c")
    assert gap.difference == pytest.approx(0.2)
