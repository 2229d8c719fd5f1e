"""Lists of many users against the answers of the served recommender."""

import pathlib
import shutil

import numpy as np
import pytest

from tests.bundle import conftest
from ytdnn.base import ragged, schema
from ytdnn.bundle import bulk, bundle, user_requests
from ytdnn.ops.catalogue import remove_videos

NO_LIMITS = bulk.BulkFilters()


def logged(run: conftest.Run) -> user_requests.LoggedRequests:
    return user_requests.LoggedRequests(run.data)


def ids(run: conftest.Run, lists: bulk.Lists) -> list[list]:
    known = [None, *run.data.videos[schema.VIDEO_ID].to_list()]
    return [[known[i] for i in row if i] for row in lists.videos.tolist()]


def answers(
    run: conftest.Run, users: np.ndarray, k: int, **more: list
) -> list[bundle.BundleAnswer]:
    """Returns what the served recommender answers, one user after the other."""
    names = run.data.users[schema.USER_ID].to_list()
    found = []
    for user in users.tolist():
        request = user_requests.at_end(run.data, names[user], k) | more
        found += run.bundle.answer([run.bundle.fitting(request)], exact=True)
    return found


def check(
    run: conftest.Run, lists: bulk.Lists, expected: list[bundle.BundleAnswer]
) -> None:
    assert ids(run, lists) == [answer.video_ids for answer in expected]
    for scores, answer in zip(lists.scores, expected, strict=True):
        assert scores[: len(answer.scores)] == pytest.approx(answer.scores, rel=1e-4)


@pytest.mark.thorough
def test_candidates_are_those_of_the_recommender_without_a_ranker(
    plain_run: conftest.Run,
) -> None:
    users = np.array([5, 0, 17, 59], np.int64)
    make = bulk.nearest(plain_run.bundle, logged(plain_run), 12, NO_LIMITS)
    check(plain_run, make(users), answers(plain_run, users, 12))


def test_recommendations_are_those_of_the_recommender(run: conftest.Run) -> None:
    users = np.array([5, 0, 17, 59], np.int64)
    make = bulk.recommend(run.bundle, logged(run), 9, NO_LIMITS, exact=True)
    check(run, make(users), answers(run, users, 9))


@pytest.mark.parametrize("kind", ["nearest", "recommended"])
def test_limits_are_kept(run: conftest.Run, kind: str) -> None:
    users = np.array([3, 8])
    names = run.data.videos[schema.VIDEO_ID].to_list()
    allowed, excluded, own = np.arange(4, 36), np.array([6, 7]), np.array([9, 10])
    limits = bulk.BulkFilters(
        excluded, allowed, ragged.from_rows(np.array([8, 3]), own, run.data.num_users)
    )
    make = {"nearest": bulk.nearest, "recommended": bulk.recommend}[kind]
    found = make(run.bundle, logged(run), 40, limits)(users)
    watched = logged(run).watched(users)
    for row, gone in enumerate(([6, 7, 10], [6, 7, 9])):
        listed = set(found.videos[row][found.videos[row] > 0].tolist())
        barred = {*gone, *watched.take(np.array([row])).values.tolist()}
        assert listed
        assert listed <= set(allowed.tolist()) - barred
        if kind == "nearest":
            known = {v for v in allowed if v <= run.data.vocabulary_size}
            assert listed == known - barred
    if kind == "recommended":
        request = {
            schema.EXCLUDE_IDS: [names[i - 1] for i in (6, 7, 10)],
            schema.ALLOW_IDS: [names[i - 1] for i in allowed],
        }
        (expected,) = answers(run, users[:1], 15, **request)
        assert ids(run, found)[0] == expected.video_ids


def test_lists_do_not_depend_on_the_batch(run: conftest.Run) -> None:
    users = np.arange(run.data.num_users)
    for make in (
        bulk.nearest(run.bundle, logged(run), 5, NO_LIMITS),
        bulk.recommend(run.bundle, logged(run), 5, NO_LIMITS),
    ):
        together = make(users)
        alone = [make(users[[user]]) for user in (0, 11, 59)]
        for user, one in zip((0, 11, 59), alone, strict=True):
            assert one.videos[0].tolist() == together.videos[user].tolist()


def test_no_video_permitted_is_an_empty_list(run: conftest.Run) -> None:
    users = np.array([1, 2])
    late = np.array([run.data.num_videos])  # without a vector
    limits = bulk.BulkFilters(allowed=late)
    found = bulk.nearest(run.bundle, logged(run), 5, limits)(users)
    assert found.videos.shape == found.scores.shape == (2, 0)


def test_the_score_is_the_product_of_the_vectors(plain_run: conftest.Run) -> None:
    users = np.array([4, 40, 2])
    found = bulk.nearest(plain_run.bundle, logged(plain_run), 6, NO_LIMITS)(users)
    mine = bulk.user_vectors(plain_run.bundle, logged(plain_run))(users)
    theirs = plain_run.bundle.video_vectors()[found.videos - 1]
    expected = np.einsum("ud,ukd->uk", mine, theirs)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-6)
    width = mine.shape[1] // 2
    assert plain_run.bundle.bias_coordinates == [width - 1, 2 * width - 1]
    assert np.all(mine[:, plain_run.bundle.bias_coordinates] == 1.0)
    ends = np.asarray(plain_run.data.watches.offsets)[users + 1]
    times = np.full(3, plain_run.data.windows.end_of_log + 1)
    trained = plain_run.candidates
    np.testing.assert_allclose(
        mine, trained.user_vectors(plain_run.data, users, ends, times), rtol=1e-4
    )
    np.testing.assert_array_equal(
        plain_run.bundle.video_vectors(), trained.video_vectors()
    )


def test_similar_videos_are_those_of_the_largest_cosine(run: conftest.Run) -> None:
    vectors = run.bundle.video_vectors()[:, :-1]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2.0)
    videos = np.array([7, 1, 30])
    found = bulk.similar(run.bundle, 4)(videos)
    for row, video in enumerate(videos):
        order = np.argsort(-cosines[video - 1], kind="stable")[:4]
        assert found.videos[row].tolist() == (order + 1).tolist()
        expected = cosines[video - 1][order]
        np.testing.assert_allclose(found.scores[row], expected, rtol=1e-5)


def test_removed_videos_are_in_no_list(
    run: conftest.Run, tmp_path: pathlib.Path
) -> None:
    workdir = tmp_path / "run"
    shutil.copytree(run.workdir, workdir)
    before = bulk.nearest(run.bundle, logged(run), 3, NO_LIMITS)(np.arange(2))
    gone = before.videos[0, :2].tolist()
    names = run.data.videos[schema.VIDEO_ID].to_list()
    remove_videos.change(workdir, [names[i - 1] for i in gone])
    opened = bundle.load(workdir / "bundle")
    assert opened.removed_videos().tolist() == sorted(gone)
    found = bulk.nearest(opened, logged(run), 30, NO_LIMITS)(np.arange(9))
    assert not np.isin(found.videos, gone).any()
    every = np.arange(1, run.data.vocabulary_size + 1)
    assert not np.isin(bulk.similar(opened, 30)(every).videos, gone).any()
    ranked = bulk.recommend(opened, logged(run), 15, NO_LIMITS)(np.arange(9))
    assert not np.isin(ranked.videos, gone).any()
