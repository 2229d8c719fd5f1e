"""Several values of a video in a bundle: features, conditions, caps, added videos."""

import collections
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import tag_log, untrained
from tests.bundle.test_filters import request
from tests.conftest import MadeOnce
from ytdnn.base import schema
from ytdnn.bundle import added_videos_table, batches, bundle, explanations, requests
from ytdnn.evaluation import slices
from ytdnn.features import counter_sums
from ytdnn.log import vectors
from ytdnn.retrieval import filter_schema


@pytest.fixture(scope="module")
def run(made_once: MadeOnce) -> untrained.Run:
    """A run of the log with tags, of the small composition, with an added video."""

    def make(workdir: pathlib.Path) -> None:
        log = tag_log.tables()
        log["videos"] = log["videos"].drop("labels")
        added = {"video_id": ["new"], "tags": [["fun", "other"]]}
        workdir.mkdir(exist_ok=True)
        pl.DataFrame(added).write_parquet(workdir / added_videos_table.FILE)
        untrained._make(workdir, log, untrained.SMALL)

    return untrained.opened(made_once("tags", make), untrained.SMALL)


def _tags(run: untrained.Run) -> dict[str, set[str]]:
    rows = run.data.videos.select("video_id", "tags").iter_rows()
    return {video: set(tags or ()) for video, tags in rows} | {"new": {"fun", "other"}}


def test_the_exported_ranker_reads_tags_as_the_trained_one(run: untrained.Run) -> None:
    assert "videos.tags" in [feature.name for feature in run.ranker.features]
    untrained.assert_served_as_trained(run)


@pytest.mark.parametrize("operator", ["in", "not_in"])
def test_a_condition_holds_for_any_of_the_values(
    run: untrained.Run, operator: str
) -> None:
    for asked in (["fun"], ["fun", "cat"], ["other", "jazz"], ["nope"]):
        where = [{"column": "tags", operator: asked}]
        (found,) = run.bundle.answer([request(run, k=40, where=where)], exact=True)
        (free,) = run.bundle.answer([request(run, k=40)], exact=True)
        tags, is_in = _tags(run), operator == "in"
        listed = [v for v in free.video_ids if bool(tags[v] & {*asked}) == is_in]
        assert set(listed) <= set(found.video_ids)
        assert all(bool(tags[v] & {*asked}) == is_in for v in found.video_ids)
        assert bool(found.video_ids) != (is_in and asked == ["nope"])


def test_a_cap_counts_a_video_under_its_first_value(run: untrained.Run) -> None:
    asked = [request(run, k=40, max_per={"tags": 2}), request(run, k=40)]
    capped, free = run.bundle.answer(asked, exact=True)
    first = dict(run.data.videos.select("video_id", pl.col("tags").list.first()).rows())
    first |= {"new": "fun"}
    counts = [
        collections.Counter(first[v] for v in answer.video_ids if first[v])
        for answer in (capped, free)
    ]
    assert max(counts[0].values()) == 2 < max(counts[1].values())


def test_why_knows_tags(run: untrained.Run) -> None:
    fields = run.bundle.inputs(bundle.RANKER)
    asked = request(run) | {schema.VIDEO_IDS: ["v0", "v1"]}
    known = {name: value for name, value in asked.items() if name in fields}
    inputs = batches.tensors(requests.parse(known, fields), fields)
    model = run.bundle.model(bundle.RECOMMENDER + bundle.EXACT, explanations.EXPLAIN)
    found = {name: value.numpy() for name, value in model(**inputs).items()}
    changed = found["without.videos.tags"] - found[schema.SCORES]
    assert changed[0, 0] != 0.0 == changed[0, 1]  # v1 has none


def test_what_compares_single_values_reads_the_first(run: untrained.Run) -> None:
    tags = run.data.videos["tags"]
    firsts = filter_schema.codes(tags.list.first())
    assert filter_schema.codes(tags).tolist() == firsts.tolist()
    group = counter_sums.VideoGroup("videos.tags", "tags")
    assert group.video_groups(run.data)[1:].tolist() == firsts.tolist()
    names, values = slices._column_values(tags, np.array([0, 3, 4]))
    assert values.tolist() == ["cat", "fun", "unknown"], names
    assert not vectors.columns(run.data.videos.schema)
