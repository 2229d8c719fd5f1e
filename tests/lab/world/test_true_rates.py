"""The truth agrees with what happens: clicks, seconds and watches."""

import dataclasses

import numpy as np
import pytest

from ytdnn.lab.world import corpus, generate, interests, memory, true_rates

from .conftest import CONFIG

ACCIDENTS = 0.1


def _played(of_world):
    """Returns impressions and watches of the only crowd, as columns of numbers."""
    happened = of_world.crowd(0).play()
    return happened.impressions.columns(), happened.watches.columns()


@pytest.fixture(scope="module")
def played(world):
    return _played(world)


@pytest.fixture(scope="module")
def noisy():
    """Returns a world with accidental clicks, and what happened in it."""
    found = generate.World(dataclasses.replace(CONFIG, accidental_clicks=ACCIDENTS))
    return found, _played(found)


@pytest.mark.thorough
def test_likes_and_dislikes_are_drawn_by_the_truth(played) -> None:
    config = dataclasses.replace(CONFIG, outcomes=True, accidental_clicks=ACCIDENTS)
    found = generate.World(config)
    shown, _ = _played(found)
    chance = click_probability(found, shown)
    truths = true_rates.outcome_probabilities(
        found, shown["users"], shown["videos"], shown["times"], chance
    )
    for name, expected in truths.items():
        happened = shown[name]
        assert not (happened & ~shown["clicked"]).any()
        assert 0.01 < happened.mean() < 0.15, name
        # Of tenths by the truth, within three standard errors of the draws.
        edges = np.quantile(expected, np.linspace(0.0, 1.0, 11))
        tenths = np.clip(np.searchsorted(edges, expected, "right") - 1, 0, 9)
        for tenth in range(10):
            inside = tenths == tenth
            error = np.sqrt(expected[inside].sum())
            difference = happened[inside].sum() - expected[inside].sum()
            assert abs(difference) < 3.5 * error + 1, (name, tenth)
    assert truths["liked"].argmax() != truths["disliked"].argmax()
    # Without them the log is the same, to the last event.
    plain, _ = played
    quiet = generate.World(dataclasses.replace(CONFIG, outcomes=True))
    with_outcomes, _ = _played(quiet)
    assert set(with_outcomes) - set(plain) == {"liked", "disliked"}
    for name, values in plain.items():
        np.testing.assert_array_equal(with_outcomes[name], values)


def earlier_unclicked(shown: dict[str, np.ndarray]) -> np.ndarray:
    """Counts, from the log alone, what memory counts: one impression at a time."""
    counts = np.zeros(len(shown["users"]), np.int64)
    seen: dict[int, list[tuple[int, bool]]] = {}
    pages: dict[int, tuple[int, int]] = {}  # user -> page, impressions before it
    for i, (user, video, page) in enumerate(
        zip(shown["users"], shown["videos"], shown["pages"], strict=True)
    ):
        mine = seen.setdefault(user, [])
        if pages.get(user, (-1, 0))[0] != page:
            pages[user] = (page, len(mine))
        before = mine[: pages[user][1]][-memory.NUM_IMPRESSIONS :]
        counts[i] = sum(v == video and not clicked for v, clicked in before)
        mine.append((video, bool(shown["clicked"][i])))
    return counts


def click_probability(world, shown):
    return true_rates.click_probability(
        world,
        shown["users"],
        shown["videos"],
        shown["times"],
        shown["positions"],
        earlier_unclicked(shown),
    )


@pytest.mark.thorough
@pytest.mark.parametrize("is_noisy", [False, True])
def test_click_probabilities_are_calibrated_in_every_decile(
    world, played, noisy, is_noisy
):
    world, (shown, _) = noisy if is_noisy else (world, played)
    chance = click_probability(world, shown)
    assert (chance.min() >= ACCIDENTS) == is_noisy
    decile = np.argsort(np.argsort(chance)) * 10 // len(chance)
    for number in range(10):
        at = decile == number
        error = 5.0 * np.sqrt((chance[at] * (1 - chance[at])).sum()) / at.sum()
        assert shown["clicked"][at].mean() == pytest.approx(
            chance[at].mean(), abs=error
        )


@pytest.mark.thorough
@pytest.mark.parametrize("is_noisy", [False, True])
def test_expected_watch_seconds_are_the_mean_of_what_is_watched(
    world, played, noisy, is_noisy
):
    world, (shown, _) = noisy if is_noisy else (world, played)
    chance = click_probability(world, shown)[shown["clicked"]]
    clicked = {name: values[shown["clicked"]] for name, values in shown.items()}
    expected = true_rates.expected_watch_seconds(
        world,
        clicked["users"],
        clicked["videos"],
        clicked["times"],
        clicked["devices"],
        chance,
    )
    assert clicked["seconds"].mean() == pytest.approx(expected.mean(), rel=0.03)
    upper = expected > np.median(expected)
    for half in (upper, ~upper):
        watched = clicked["seconds"][half].mean()
        assert watched == pytest.approx(expected[half].mean(), rel=0.05)
    unlikely = chance < np.quantile(chance, 0.2)  # where most accidents are
    watched = clicked["seconds"][unlikely].mean()
    assert watched == pytest.approx(expected[unlikely].mean(), rel=0.1)


@pytest.mark.thorough
def test_accidents_are_short_watches_whatever_is_shown(noisy, played):
    world, (shown, watches) = noisy
    clicked, seconds = shown["clicked"], shown["seconds"]
    share = (clicked & (seconds <= 5.0)).mean()
    without = (played[0]["clicked"] & (played[0]["seconds"] <= 5.0)).mean()
    assert share - without == pytest.approx(ACCIDENTS, rel=0.1)
    # They are watches of the log too, and none is longer than its video.
    assert clicked.sum() <= len(watches["users"])
    lengths = world.shared.videos.duration_seconds[shown["videos"]]
    assert (seconds <= lengths + 0.1).all()


def test_clickbait_draws_clicks_and_does_not_hold(world):
    videos = world.shared.videos
    bait = true_rates.is_clickbait(world)
    assert 0.005 < bait.mean() < 0.05  # of a tenth, less than half
    assert videos.appeal[bait].min() > np.quantile(videos.appeal, 0.89)
    assert videos.quality[bait].max() < np.median(videos.quality)
    assert not bait[videos.appeal < np.quantile(videos.appeal, 0.9)].any()


@pytest.mark.thorough
def test_watch_rates_tell_how_much_is_watched_of_what(world, played):
    """Expected watches of a day, of videos not yet watched, against what happened."""
    _, watches = played
    day = 20
    begin = corpus.START + day * corpus.SECONDS_PER_DAY
    before = watches["times"] < begin
    today = (watches["times"] >= begin) & (
        watches["times"] < begin + corpus.SECONDS_PER_DAY
    )
    users, counts = np.unique(watches["users"][today], return_counts=True)
    rates = true_rates.watch_rates(world, users, begin + 60_000)
    seen = np.zeros((CONFIG.num_users, CONFIG.num_videos), bool)
    seen[watches["users"][before], watches["videos"][before]] = True
    rates[seen[users]] = 0.0
    expected = (counts / rates.sum(axis=1)) @ rates
    happened = np.bincount(watches["videos"][today], minlength=CONFIG.num_videos)
    assert np.corrcoef(expected, happened)[0, 1] > 0.6
    order = np.argsort(-expected)
    for start in (0, 50, 200):
        group = order[start : start + 50]
        assert happened[group].sum() == pytest.approx(expected[group].sum(), rel=0.35)


def test_the_next_episode_is_likely(world):
    time = corpus.START + 15 * corpus.SECONDS_PER_DAY
    following = world.shared.videos.next_episodes
    uploaded = world.shared.videos.upload_times <= time
    first = np.flatnonzero((following >= 0) & uploaded[following])[:20]
    users = np.arange(len(first))
    without = true_rates.watch_rates(world, users, time)
    given = true_rates.watch_rates(world, users, time, first)
    at = (users, following[first])
    assert (given[at] / given.sum(1) > 1.5 * without[at] / without.sum(1)).all()


def test_affinity_to_all_is_affinity(world):
    users = world.all_users
    rows = np.array([3, 8, 800])
    times = np.full(3, corpus.START + 12 * corpus.SECONDS_PER_DAY + 40_000)
    found = interests.at(world.shared.topics, users, rows, times)
    everything = np.broadcast_to(np.arange(CONFIG.num_videos), (3, CONFIG.num_videos))
    one_by_one = interests.affinity(users, rows, found, world.shared.videos, everything)
    at_once = interests.affinity_to_all(
        users, rows, found, world.shared.videos, world.shared.topics.num_leaves
    )
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)
