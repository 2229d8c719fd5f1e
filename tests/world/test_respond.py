"""Users go on by the laws of the log when they are shown somebody's slates."""

import dataclasses

import numpy as np
import pytest

from ytdnn import configs
from ytdnn.world import corpus, generate, respond, truth

CONFIG = configs.World(
    num_users=600, num_videos=500, num_topics=4, num_days=20, watches_per_user=20
)
END = corpus.START + 20 * corpus.SECONDS_PER_DAY


@pytest.fixture(scope="module")
def world():
    return generate.World(CONFIG)


@pytest.fixture
def going_on(world):
    return respond.Continuation(world)


def ask(world, num_places=4):
    users = np.arange(CONFIG.num_users)
    best = np.argsort(-truth.watch_rates(world, users, END), axis=1)
    return users, best[:, :num_places], np.full(len(users), END)


def test_what_the_truth_ranks_first_is_clicked_more_than_what_it_ranks_last(
    world, going_on
):
    users, best, times = ask(world)
    rates = truth.watch_rates(world, users, END)
    worst = np.argsort(rates, axis=1)[:, :4]
    assert (
        going_on.respond(users, best, times).clicked.mean()
        > 5 * going_on.respond(users, worst, times).clicked.mean()
    )


def test_only_what_is_clicked_is_watched_and_for_no_longer_than_it_lasts(
    world, going_on
):
    users, slates, times = ask(world)
    clicked, seconds = going_on.respond(users, slates, times)
    assert clicked.any()
    assert (seconds[clicked] > 0).all()
    assert (seconds[~clicked] == 0).all()
    assert (seconds <= world.shared.videos.duration_seconds[slates] + 0.1).all()


def test_the_same_slate_tires(world, going_on):
    users, slates, times = ask(world)
    rates = [going_on.respond(users, slates, times).clicked.mean() for _ in range(5)]
    assert rates[4] < 0.6 * rates[0]


def test_accidents_are_clicks_on_anything_and_short():
    noisy = dataclasses.replace(CONFIG, accidental_clicks=0.2)
    worlds = [generate.World(config) for config in (CONFIG, noisy)]
    users, slates, times = ask(worlds[0])
    slates[:, 3] = -1
    plain, found = (
        respond.Continuation(world).respond(users, slates, times) for world in worlds
    )
    assert not found.clicked[:, 3].any()
    short = found.clicked & (found.watch_seconds <= 5.0)
    assert short[:, :3].mean() == pytest.approx(0.2, abs=0.05)
    assert found.clicked.sum() > plain.clicked.sum()


def test_nothing_is_clicked_before_its_upload_or_in_an_empty_place(world, going_on):
    late = np.argmax(world.shared.videos.upload_times)
    users = np.arange(CONFIG.num_users)
    slates = np.column_stack([np.full(len(users), late), np.full(len(users), -1)])
    early = np.full(len(users), corpus.START + 10)
    assert not going_on.respond(users, slates, early).clicked.any()


def test_the_same_calls_get_the_same_responses_and_another_seed_others(world):
    users, slates, times = ask(world)
    first, again = (respond.Continuation(world) for _ in range(2))
    other = respond.Continuation(world, seed=1).respond(users, slates, times)
    response = first.respond(users, slates, times)
    np.testing.assert_array_equal(response, again.respond(users, slates, times))
    assert (response.clicked != other.clicked).any()


@pytest.mark.parametrize(
    ("users", "slates", "message"),
    [
        ([1, 1], [[0], [1]], "distinct users"),
        ([1, 600], [[0], [1]], "expected users from 0 to 599"),
        ([1, 2], [[0], [500]], "expected videos from -1 to 499"),
        ([1, 2], [[0]], r"users \[n\]"),
    ],
)
def test_what_makes_no_sense_is_refused(going_on, users, slates, message):
    with pytest.raises(ValueError, match=message):
        going_on.respond(np.array(users), np.array(slates), np.full(2, END))
