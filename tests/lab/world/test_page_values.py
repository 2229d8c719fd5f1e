"""What pages are worth, against the truth asked one impression at a time."""

import dataclasses

import numpy as np
import pytest

from ytdnn.lab.world import corpus, generate, page_values, people, true_rates, words

from .conftest import CONFIG

DAY = 20


@pytest.fixture(scope="module")
def asked(world):
    """Returns users, their times and a page of each, with an empty place."""
    rng = np.random.default_rng(0)
    users = np.arange(40)
    times = corpus.START + (DAY * corpus.SECONDS_PER_DAY) + users * 977
    slates = rng.integers(0, len(world.shared.videos), (len(users), 6))
    slates[3, 2] = corpus.NONE
    return users, times, slates


@pytest.mark.parametrize("accidental_clicks", [0.0, 0.1])
def test_a_place_is_worth_what_the_truth_says_of_its_impression(
    asked, accidental_clicks
):
    noise = {"accidental_clicks": accidental_clicks}
    world = generate.World(dataclasses.replace(CONFIG, **noise))
    users, times, slates = asked
    rng = np.random.default_rng(1)
    unclicked = rng.integers(0, 4, slates.shape)
    watched = rng.random(slates.shape) < 0.2
    worth = page_values.page_values(
        world, users, slates, times, np.arange(6), unclicked, watched
    )
    shares = people.device_shares(world.all_users, users)
    uploads = world.shared.videos.upload_times
    assert (uploads[slates] > times[:, None]).any()
    for row, place in np.ndindex(slates.shape):
        video = slates[row, place]
        if video < 0 or uploads[video] > times[row]:
            assert worth.clicks[row, place] == worth.seconds[row, place] == 0.0
            continue
        one = (np.array([users[row]]), np.array([video]), np.array([times[row]]))
        chance = true_rates.click_probability(
            world,
            *one,
            np.array([place]),
            np.array([unclicked[row, place]]),
            np.array([watched[row, place]]),
        )[0]
        seconds = sum(
            shares[row, device]
            * true_rates.expected_watch_seconds(
                world, *one, np.array([device]), np.array([chance])
            )[0]
            for device in range(len(words.DEVICES))
        )
        assert worth.clicks[row, place] == pytest.approx(chance)
        assert worth.seconds[row, place] == pytest.approx(chance * seconds)


def test_device_shares_are_what_devices_are_drawn_by(world):
    rows = np.zeros(20_000, int)
    drawn = people.draw_devices(world.all_users, rows, np.random.default_rng(0))
    shares = people.device_shares(world.all_users, rows[:1])[0]
    assert shares.sum() == pytest.approx(1.0)
    found = np.bincount(drawn, minlength=len(shares)) / len(rows)
    np.testing.assert_allclose(found, shares, atol=0.015)


def test_the_shortlist_holds_the_best_that_may_be_listed(world, asked):
    users, times, _ = asked
    num = len(world.shared.videos)
    known = np.arange(num)[np.arange(num) % 7 != 0]
    everything = np.tile(np.arange(num), (len(users), 1))
    worth = page_values.page_values(
        world, users, everything, times, np.zeros(1)
    ).seconds
    excluded = (users, worth.argmax(axis=1))  # the best of each user
    worth[:, np.arange(num) % 7 == 0] = 0.0
    worth[excluded] = 0.0
    found = page_values.shortlist(world, users, times, 60, known, excluded)
    for row in range(len(users)):
        best = set(np.argsort(-worth[row])[:20])
        assert best <= set(found[row])
        listed = found[row][found[row] >= 0]
        assert worth[row][listed].min() > 0.0


def test_a_shortlist_of_more_than_there_is_ends_empty(world, asked):
    users, times, _ = asked
    none = np.zeros(0, int)
    found = page_values.shortlist(world, users, times, 60, np.arange(5), (none, none))
    uploaded = world.shared.videos.upload_times[:5] <= times[:, None]
    assert found.shape == (len(users), 60)
    np.testing.assert_array_equal((found >= 0).sum(axis=1), uploaded.sum(axis=1))
