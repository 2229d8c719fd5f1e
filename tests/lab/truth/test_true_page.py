"""Pages by a world's truth: what users remember, what places are worth, the bounds."""

import dataclasses

import numpy as np
import pytest

from tests import changed_log
from ytdnn import configs
from ytdnn.evaluation import lists, user_cases
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.truth import oracle, true_page
from ytdnn.lab.world import corpus, memory, page_values, true_rates
from ytdnn.log import events, prepare, prepared

WORLD = configs.WorldConfig(
    num_users=300, num_videos=400, num_topics=4, num_days=30, watches_per_user=40
)
CONFIG = configs.EvaluationConfig(ks=(5, 10), num_resamples=10)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("true_page")
    config = configs.DataConfig(world=WORLD, where="user_id <> 'u3'")
    return prepare.prepare(config, directory / "data")


@pytest.fixture(scope="module")
def cases(data: prepared.PreparedData) -> user_cases.Cases:
    config = dataclasses.replace(CONFIG, remove_watched=False)
    return user_cases.cases(data, events.Split.TEST, config)


@pytest.fixture(scope="module")
def pages(data: prepared.PreparedData) -> true_page.TruePages:
    return oracle.WorldTruth(data).pages()


def _remembered(data, cases) -> tuple[memory.Memory, np.ndarray]:
    """Replays what the log holds of each case through the world's own memory."""
    numbers = np.append(corpus.NONE, world_source.known(data).videos)
    remembered = memory.Memory(len(cases))
    shown = data.impressions
    for row in range(len(cases)):
        at = np.array([row])
        own = np.asarray(shown.users) == cases.users[row]
        own &= np.asarray(shown.times) < cases.times[row]
        for page in np.unique(np.asarray(shown.pages)[own]):
            rows = np.flatnonzero(own & (np.asarray(shown.pages) == page))
            videos = numbers[np.asarray(shown.videos)[rows]][None, :]
            clicked = np.asarray(shown.clicked)[rows][None, :]
            remembered.add_impressions(at, videos, clicked)
        start = int(data.watches.offsets[cases.users[row]])
        for video in np.asarray(data.watches.videos)[start : cases.ends[row]]:
            remembered.add_watches(at, numbers[[video]], np.array([-1]))
    return remembered, numbers


def test_a_page_is_worth_what_a_user_with_that_memory_makes_of_it(
    data, cases, pages
) -> None:
    few = user_cases.take(cases, np.arange(25))
    rng = np.random.default_rng(0)
    found = rng.integers(0, data.num_videos + 1, (len(few), 10)).astype(np.int32)
    shown = data.impressions
    for row in range(len(few)):  # some that were shown before, one that was watched
        own = np.flatnonzero(np.asarray(shown.users) == few.users[row])
        found[row, :4] = np.asarray(shown.videos)[own[:4]]
        found[row, 4] = few.watched.values[few.watched.offsets[row]]
    remembered, numbers = _remembered(data, few)
    slates, rows = numbers[found], np.arange(len(few))
    unclicked = np.where(slates >= 0, remembered.num_unclicked(rows, slates), 0)
    watched = remembered.has_watched(rows, slates) & (slates >= 0)
    assert unclicked.max() >= 2
    assert watched.any()
    known = world_source.known(data)
    expected = page_values.page_values(
        known.world,
        known.users[few.users],
        slates,
        few.times,
        np.arange(10),
        unclicked,
        watched,
    )
    values = pages.per_user(few, found, CONFIG.ks)
    for k in CONFIG.ks:
        np.testing.assert_allclose(
            values[f"true_watch_seconds@{k}"], expected.seconds[:, :k].sum(axis=1)
        )
        np.testing.assert_allclose(
            values[f"true_clicks@{k}"], expected.clicks[:, :k].sum(axis=1)
        )


def test_clickbait_is_a_share_of_the_places_that_hold_a_video(
    data, cases, pages
) -> None:
    known = world_source.known(data)
    bait = 1 + np.flatnonzero(true_rates.is_clickbait(known.world)[known.videos])
    other = 1 + np.flatnonzero(~true_rates.is_clickbait(known.world)[known.videos])
    two = user_cases.take(cases, np.arange(2))
    found = np.array([[bait[0], *other[:4], *bait[1:2]], [bait[1], 0, 0, 0, 0, 0]])
    values = pages.per_user(two, found.astype(np.int32), (5, 6))
    np.testing.assert_allclose(values["true_clickbait@5"], [1 / 5, 1.0])
    np.testing.assert_allclose(values["true_clickbait@6"], [2 / 6, 1.0])


def test_what_happens_at_the_request_or_later_is_not_remembered(
    data, cases, pages
) -> None:
    shown = data.impressions
    later = np.asarray(shown.times) >= cases.times[0]
    assert later.any()
    none_clicked = shown.replace(clicked=np.asarray(shown.clicked) & ~later)
    changed = changed_log.with_tables(data, impressions=none_clicked)
    found = lists.popularity(data.catalogue)(cases, 10)
    others = oracle.WorldTruth(changed).pages().per_user(cases, found, (10,))
    for name, value in pages.per_user(cases, found, (10,)).items():
        np.testing.assert_array_equal(others[name], value)


def test_a_list_shorter_than_k_is_a_shorter_page(data, cases, pages) -> None:
    found = lists.popularity(data.catalogue)(cases, 4)
    padded = np.pad(found, ((0, 0), (0, 6)))
    values, expected = (pages.per_user(cases, one, (10,)) for one in (found, padded))
    for name, value in values.items():
        np.testing.assert_array_equal(value, expected[name])


def test_candidates_by_truth_are_the_rankers_candidates_in_a_better_order(
    data, pages
) -> None:
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    first = lists.popularity(data.catalogue)
    chosen = first(cases, 30)
    found = pages.reordered(first, 30)(cases, 30)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(chosen, axis=1))
    rng = np.random.default_rng(0)
    best = pages.per_user(cases, found, (10,))["true_watch_seconds@10"]
    for order in (np.arange(30), rng.permutation(30), rng.permutation(30)):
        other = pages.per_user(cases, chosen[:, order], (10,))
        assert (best >= other["true_watch_seconds@10"] - 1e-9).mean() > 0.99
    assert pages.reordered(first, 30)(cases, 40).shape == (len(cases), 40)


def test_the_best_page_is_worth_most_and_holds_only_what_it_may(data, pages) -> None:
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    found = pages.best(cases, 10)
    assert found.min() > 0
    uploads = data.videos["upload_time"].to_numpy()
    for row in range(len(cases)):
        assert len(set(found[row])) == 10
        start, stop = cases.watched.offsets[row : row + 2]
        assert not set(found[row]) & set(cases.watched.values[start:stop])
        assert (uploads[found[row] - 1] <= cases.times[row]).all()
    assert found.max() > data.vocabulary_size  # new videos are listed too
    value = "true_watch_seconds@10"
    best = pages.per_user(cases, found, (10,))[value]
    everything = np.tile(np.arange(1, data.num_videos + 1, dtype=np.int32), (9, 1))
    few = user_cases.take(cases, np.arange(9))
    worth = pages.worth(few, everything, np.zeros(1)).seconds
    for row in range(9):
        may = np.setdiff1d(everything[0], cases.watched.take(np.array([row])).values)
        order = may[np.argsort(-worth[row][may - 1], kind="stable")][:10]
        asked = user_cases.take(few, np.array([row]))
        expected = pages.per_user(asked, order[None, :].astype(np.int32), (10,))
        assert best[row] == pytest.approx(expected[value][0])


def test_other_logs_have_no_true_page(data) -> None:
    manifest = dataclasses.replace(data.manifest, facts={"source": "log"})
    other = dataclasses.replace(data, manifest=manifest)
    assert oracle.WorldTruth(other).pages() is None
