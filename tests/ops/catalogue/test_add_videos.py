"""Added videos are in every answer, with the vectors they would have had."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests.bundle import conftest
from ytdnn.base import artifacts, errors, schema
from ytdnn.bundle import added_videos_table, bundle
from ytdnn.candidates import model
from ytdnn.log import new_videos_table, prepared
from ytdnn.run import pipeline
from ytdnn.run.pipeline import workdir as run_workdir

Run = conftest.Run
Path = pathlib.Path

STAGES = ("data", "candidates", "index", "ranking")
NEW = ["new 1", "new 2"]


@pytest.fixture(scope="module")
def workdir(content_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's directory with a bundle of its own, to which videos are added."""
    directory = tmp_path_factory.mktemp("added")
    for name in STAGES:
        artifacts.share(content_run.workdir / name, directory / name)
    artifacts.share(content_run.bundle.directory, directory / "bundle")
    config = dataclasses.replace(content_run.config, data=content_run.data.config)
    run_workdir.write_config(directory, config)
    pipeline.add_videos(directory, rows(content_run.data))
    return directory


def rows(data: prepared.PreparedData, ids: list[str] | None = None) -> pl.DataFrame:
    """Returns new videos that say what the first ones of the catalogue say."""
    ids = NEW if ids is None else ids
    table = data.videos.head(len(ids)).drop(prepared.TRAIN_COUNT)
    return table.with_columns(pl.Series(schema.VIDEO_ID, ids))


def opened(workdir: Path) -> bundle.Bundle:
    return bundle.load(workdir / "bundle")


@pytest.mark.thorough
def test_a_new_version_lists_them(workdir: Path, content_run: Run) -> None:
    again = rows(content_run.data).head(1)  # in the list, which ends with another
    assert pipeline.add_videos(workdir, again).version == 2
    found = opened(workdir)
    assert found.version == 2
    assert found.manifest.facts["videos"] == content_run.data.num_videos + 2
    assert found.manifest.facts[added_videos_table.FACT] == 2
    given = {schema.ALLOW_IDS: [*NEW, "video 1"], schema.K: 9}
    for exact in (True, False):
        (answer,) = found.answer([given], exact)
        assert set(answer.video_ids) == {*NEW, "video 1"}


@pytest.mark.thorough
def test_vectors_are_those_of_a_catalogue_that_had_them(
    workdir: Path, content_run: Run
) -> None:
    """Of one content they are alike, and the built part is the old one's."""
    found = opened(workdir).video_vectors()
    old = content_run.candidates.video_vectors()
    np.testing.assert_array_equal(found[: len(old)], old)
    data = new_videos_table.added_to(content_run.data, rows(content_run.data))
    grown = model.load(content_run.workdir / "candidates", data)
    np.testing.assert_allclose(found, grown.video_vectors(), atol=1e-5)
    assert grown.content is not None
    of_content = grown.content(tf.constant([1, 2])).numpy()
    np.testing.assert_allclose(found[-2:], of_content, atol=1e-5)


@pytest.mark.thorough
def test_answers_are_those_of_exact_search_over_both_parts(workdir: Path) -> None:
    found = opened(workdir)
    vectors = found.video_vectors()
    queries = np.random.default_rng(0).normal(size=[5, vectors.shape[1]])
    fields = found.inputs("index_exact")
    empty = {
        name: np.full([5, 1], "", object)
        for name in (schema.EXCLUDE_IDS, schema.ALLOW_IDS)
        if name in fields
    }
    every = np.full(5, len(vectors))
    given = {schema.USER_VECTOR: queries.astype(np.float32), schema.K: every}
    answer = found.run("index_exact", given | empty)
    scores = dict(zip(found.videos[schema.VIDEO_ID], vectors @ queries.T, strict=True))
    for column, ids in enumerate(answer[schema.IDS].numpy().astype(str)):
        assert sorted(ids) == sorted(scores)
        # New videos score as the old ones that say the same, but for the last bits.
        assert (np.diff([scores[each][column] for each in ids]) < 1e-5).all()


@pytest.mark.thorough
def test_the_ranker_scores_them_by_their_columns(workdir: Path) -> None:
    (answer,) = opened(workdir).answer([{schema.ALLOW_IDS: NEW, schema.K: 2}], True)
    assert answer.video_ids != []
    assert all(np.isfinite(answer.scores))


@pytest.mark.thorough
def test_an_added_video_is_removed_and_stays_so(
    workdir: Path, content_run: Run
) -> None:
    pipeline.remove_videos(workdir, ["new 2"])
    given = {schema.ALLOW_IDS: NEW, schema.K: 9}
    assert opened(workdir).answer([given], True)[0].video_ids == ["new 1"]
    table = rows(content_run.data, [*NEW, "new 3"])
    assert pipeline.add_videos(workdir, table.head(3)).changed.removed == ["new 2"]
    given = {schema.ALLOW_IDS: [*NEW, "new 3"], schema.K: 9}
    answers = opened(workdir).answer([given], True)[0].video_ids
    assert set(answers) == {"new 1", "new 3"}
    pipeline.restore_videos(workdir, ["new 2"])
    answers = opened(workdir).answer([given], True)[0].video_ids
    assert set(answers) == {*NEW, "new 3"}


@pytest.mark.thorough
def test_what_the_prepared_set_has_by_now_is_added_no_more(content_run: Run) -> None:
    data = content_run.data
    table = rows(data, ["video 1", "new 1"])
    assert new_videos_table.added_to(data, table).catalogue.num_added == 1
    assert new_videos_table.added_to(data, table.head(1)) is data


@pytest.mark.thorough
def test_mistakes_are_one_line(workdir: Path, content_run: Run, run: Run) -> None:
    data = content_run.data
    bad = rows(data, ["a"]).with_columns(pl.lit(-1.0).alias(schema.DURATION_SECONDS))
    for none, why in ((rows(data, []), "none$"), (bad, "none; 1 rows: .*duration")):
        with pytest.raises(errors.UserError, match=why):
            pipeline.add_videos(workdir, none, bad_rows="drop")
    twice = pl.concat([rows(data, ["a"]), rows(data, ["a"])])
    with pytest.raises(errors.UserError, match="listed once, found 'a'"):
        pipeline.add_videos(workdir, twice)
    with pytest.raises(errors.UserError, match="Parquet, Arrow or CSV file of videos"):
        pipeline.add_videos(workdir, workdir / "nowhere.csv")
    with pytest.raises(errors.UserError, match=r"\(a directory\)"):
        pipeline.add_videos(workdir, workdir)
    (workdir / added_videos_table.FILE).write_bytes(b"no table")
    with pytest.raises(errors.UserError, match="remove it, and add the videos again"):
        added_videos_table.read(workdir)
    config = dataclasses.replace(run.config, data=run.data.config)
    run_workdir.write_config(run.workdir, config)
    with pytest.raises(errors.UserError, match="with a content side"):
        pipeline.add_videos(run.workdir, rows(run.data))
