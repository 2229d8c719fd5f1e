"""The truth of the world as plain functions, for oracles.

`click_probability` and `expected_watch_seconds` are exact: behaviour draws from these
very laws. `watch_rates` adds up all ways to a watch. It ignores only effects within one
page: duplicates, the place that a video takes, and earlier impressions.

The oracle is an upper bound: it sees each user's interests at the time of the request,
including drift and focus, while a model sees only the user's earlier events.
"""

import itertools

import numpy as np

from ytdnn.lab.world import (
    behaviour,
    corpus,
    generate,
    interests,
    people,
    policy,
    popularity,
    responses,
    words,
)

World = generate.World

_MEAN_POSITION = 2.7  # where the logarithm of the places of a page has its mean
_EPISODES_AHEAD = 4
_UPLOADS_BACK = 4
_DELAY_THIRDS = (0.19, 0.72, 2.1)  # means of an exponential law's three thirds


def click_probability(
    world: World,
    users: np.ndarray,
    videos: np.ndarray,
    times: np.ndarray,
    positions: np.ndarray,
    num_unclicked: np.ndarray | int = 0,
    watched: np.ndarray | bool = False,
) -> np.ndarray:
    """Returns the probability that impressions are clicked, `[n] float64`.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      videos: `[n]` numbers of videos.
      times: `[n]`, seconds since the epoch.
      positions: `[n]` on the page, from 0.
      num_unclicked: `[n]`, impressions of the video among the user's latest
        (`memory.NUM_IMPRESSIONS`) that were not clicked.
      watched: `[n]`, whether it is among the user's latest watches.
    """
    liking = _affinity(world, users, videos, times)
    appeal = world.shared.videos.appeal[videos]
    chance = responses.click_probability(
        liking, appeal, positions, num_unclicked, watched
    )
    return responses.with_accidents(chance, world.config.accidental_clicks)


def expected_watch_seconds(
    world: World,
    users: np.ndarray,
    videos: np.ndarray,
    times: np.ndarray,
    devices: np.ndarray,
    click_probability: np.ndarray,
) -> np.ndarray:
    """Returns the mean seconds watched of impressions once they are clicked, `[n]`.

    Times the click probability this is the expected watch time of an impression. The
    less likely a click is, the more of the clicks are accidents.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      videos: `[n]` numbers of videos.
      times: `[n]`, seconds since the epoch.
      devices: `[n]`, into `words.DEVICES`.
      click_probability: `[n]` of the impressions, of the function of that name.
    """
    corpus_of = world.shared.videos
    lengths = corpus_of.duration_seconds[videos]
    fraction = responses.mean_fraction(
        _affinity(world, users, videos, times),
        corpus_of.quality[videos],
        lengths,
        devices,
    )
    return responses.mean_seconds_with_accidents(
        fraction * lengths, click_probability, world.config.accidental_clicks
    )


def outcome_probabilities(
    world: World,
    users: np.ndarray,
    videos: np.ndarray,
    times: np.ndarray,
    click_probability: np.ndarray,
) -> dict[str, np.ndarray]:
    """Returns the probabilities that impressions are liked and disliked, `[n]` each.

    An accidental click brings neither.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      videos: `[n]` numbers of videos.
      times: `[n]`, seconds since the epoch.
      click_probability: `[n]` of the impressions, of the function of that name.
    """
    liking, corpus_of = _affinity(world, users, videos, times), world.shared.videos
    quality, appeal = corpus_of.quality[videos], corpus_of.appeal[videos]
    by_liking = np.maximum(click_probability - world.config.accidental_clicks, 0.0)
    return {
        "liked": by_liking * responses.like_probability(liking, quality),
        "disliked": by_liking * responses.dislike_probability(liking, quality, appeal),
    }


def is_clickbait(world: World) -> np.ndarray:
    """Returns which videos attract clicks and do not hold the viewer, `[videos] bool`.

    Those with a thumbnail among the tenth of most appeal and a quality below the median
    (PAPER §4: clickbait).
    """
    videos = world.shared.videos
    drawing = videos.appeal >= np.quantile(videos.appeal, 0.9)
    return drawing & (videos.quality < np.median(videos.quality))


def _affinity(
    world: World, users: np.ndarray, videos: np.ndarray, times: np.ndarray
) -> np.ndarray:
    everyone, rows = world.all_users, np.asarray(users)
    current = interests.at(world.shared.topics, everyone, rows, np.asarray(times))
    shown = np.asarray(videos)[:, None]
    return interests.affinity(everyone, rows, current, world.shared.videos, shown)[:, 0]


def watch_rates(
    world: World, users: np.ndarray, time: int, last_episodes: np.ndarray | None = None
) -> np.ndarray:
    """Returns the expected watches of each video in a visit at a time.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      time: Seconds since the epoch.
      last_episodes: `[n]`, the latest video of a series each has watched; -1 = none.

    Returns:
      `[n, num_videos] float32`; 0 for what is not yet uploaded.
    """
    visitors = _UsersAtTime(world, np.asarray(users), time)
    accepted = responses.acceptance(visitors.liking, world.shared.videos.appeal)
    rates = np.float32(behaviour.PAGE_SHARE) * _by_pages(visitors)
    rates += _by_search(visitors, accepted.astype(np.float32))
    rates += _by_related(visitors, rates, accepted.astype(np.float32))
    _go_on_with_series(visitors, rates, last_episodes)
    rates *= world.shared.videos.upload_times <= time
    return rates


class _UsersAtTime:
    """Some users at a time, and the distributions of their next visit."""

    def __init__(self, world: World, users: np.ndarray, time: int) -> None:
        shared, everyone = world.shared, world.all_users
        self.world, self.rows, self.time = world, users, time
        self.day = shared.shelves.day((time - corpus.START) // corpus.SECONDS_PER_DAY)
        times = np.full(len(users), time)
        self.current = interests.at(shared.topics, everyone, users, times)
        self.liking = interests.affinity_to_all(
            everyone, users, self.current, shared.videos, shared.topics.num_leaves
        )
        english = everyone.english[users]
        self.speaks = np.zeros((len(users), len(words.LANGUAGES)), np.float32)
        self.speaks[np.arange(len(users)), everyone.languages[users]] += 1.0 - english
        self.speaks[:, words.ENGLISH] += english

    def leaves(self, weights: np.ndarray) -> np.ndarray:
        """Spreads weights of the lasting interests over the tree."""
        leaves = self.world.all_users.leaves[self.rows]
        num = self.world.shared.topics.num_leaves
        return interests.leaf_weights(leaves, weights, num)

    def drawn(self, draws: popularity.Draws, leaves: np.ndarray | None) -> np.ndarray:
        """Returns the chance that a draw among leaves is each video, `[n, videos]`.

        Args:
          draws: From which.
          leaves: `[n, num_leaves]`, how likely each is drawn from; None = everything.
        """
        videos = self.world.shared.videos
        weights = draws.weights
        language = videos.languages.astype(np.int64)
        spoken = self.speaks[:, language]
        if leaves is None:
            total = np.bincount(language, weights, len(words.LANGUAGES))[language]
            return spoken * _ratio(weights, total)
        shelf = language * draws.shelves.num_leaves + videos.leaves
        total = np.bincount(shelf, weights, int(shelf.max()) + 1)[shelf]
        chances = leaves.astype(np.float32)[:, videos.leaves]
        chances *= spoken
        chances *= _ratio(weights, total)
        return chances


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return (part / np.where(whole > 0.0, whole, 1.0)).astype(np.float32)


def _by_pages(requests: _UsersAtTime) -> np.ndarray:
    """Expected clicks on a page, as if each place were filled on its own."""
    shared, shares = requests.world.shared, policy.SHARES.astype(np.float32)
    lasting = requests.leaves(requests.world.all_users.base[requests.rows])
    day, narrow = requests.day, np.float32(policy.FRESH_INTEREST_SHARE)
    shown = shares[policy.POPULAR] * requests.drawn(day.heat, None)
    shown += shares[policy.INTERESTS] * requests.drawn(day.heat, lasting)
    fresh = narrow * requests.drawn(day.fresh, lasting)
    fresh += (1.0 - narrow) * requests.drawn(day.fresh, None)
    shown += shares[policy.FRESH] * fresh
    recent = interests.leaf_weights(*requests.current, shared.topics.num_leaves)
    shown += shares[policy.RELATED] * requests.drawn(day.heat, recent)
    _add_subscribed(requests, shown, float(shares[policy.SUBSCRIBED]))
    places = np.minimum(shared.config.impressions_per_page * shown, 1.0)
    clicks = responses.click_probability(
        requests.liking, shared.videos.appeal, np.array(_MEAN_POSITION)
    )
    clicks = responses.with_accidents(clicks, shared.config.accidental_clicks)
    return (places * clicks).astype(np.float32)


def _add_subscribed(requests: _UsersAtTime, shown: np.ndarray, share: float) -> None:
    shelves, users = requests.world.shared.shelves, requests.world.all_users
    each = share / people.NUM_SUBSCRIPTIONS
    for column, back, delay in itertools.product(
        range(people.NUM_SUBSCRIPTIONS), range(_UPLOADS_BACK), _DELAY_THIRDS
    ):
        channels = users.subscriptions[requests.rows, column]
        seconds = int(delay * policy.LISTING_DAYS * corpus.SECONDS_PER_DAY)
        times = np.full(len(channels), requests.time - seconds)
        videos = shelves.latest(channels, times, np.full(len(channels), back))
        there = videos >= 0
        chance = policy.LATEST_SHARE * (1.0 - policy.LATEST_SHARE) ** back
        chance /= len(_DELAY_THIRDS)
        shown[np.flatnonzero(there), videos[there]] += each * chance


def _by_search(requests: _UsersAtTime, accepted: np.ndarray) -> np.ndarray:
    """Expected watches of results: up to three draws, the first accepted is watched."""
    leaves, weights = requests.current
    num_leaves = requests.world.shared.topics.num_leaves
    has_focus = weights[:, -1:] > 0.0
    focused = np.where(has_focus, behaviour.SEARCH_FOCUS_SHARE, 0.0)
    lasting = weights[:, :-1] / weights[:, :-1].sum(axis=1, keepdims=True)
    wanted = np.column_stack([lasting * (1.0 - focused), focused])
    chances = requests.drawn(
        requests.day.heat, interests.leaf_weights(leaves, wanted, num_leaves)
    )
    chances *= accepted
    refused = np.clip(1.0 - chances.sum(axis=1, keepdims=True), 0.0, 1.0 - 1e-6)
    tries = (1.0 - refused**behaviour.SEARCH_RESULTS) / (1.0 - refused)
    searching = requests.world.all_users.searching[requests.rows, None]
    return (searching * tries).astype(np.float32) * chances


def _by_related(
    requests: _UsersAtTime, rates: np.ndarray, accepted: np.ndarray
) -> np.ndarray:
    """Returns the expected watches of videos related to a watch by leaf or channel."""
    videos = requests.world.shared.videos
    num_leaves = requests.world.shared.topics.num_leaves
    of_leaf = np.zeros((len(videos), num_leaves), np.float32)
    of_leaf[np.arange(len(videos)), videos.leaves] = 1.0
    by_leaf = rates @ of_leaf
    related: np.ndarray = requests.drawn(requests.day.heat, by_leaf) * accepted
    related *= np.float32(behaviour.RELATED_SHARE)
    return related


def _go_on_with_series(
    requests: _UsersAtTime, rates: np.ndarray, last_episodes: np.ndarray | None
) -> None:
    """Adds the watches that lead from an episode to the following ones."""
    videos = requests.world.shared.videos
    earlier = np.flatnonzero(videos.next_episodes >= 0)
    following = videos.next_episodes[earlier]
    step = np.float32(behaviour.NEXT_EPISODE_SHARE)
    lead = rates.copy()
    for _ in range(behaviour.MAX_FOLLOWS):
        onward = np.zeros_like(rates)
        onward[:, following] = step * lead[:, earlier]
        rates += onward
        lead = onward
    if last_episodes is None:
        return
    share = behaviour.RESUME_SHARE
    episode = np.asarray(last_episodes)
    for _ in range(_EPISODES_AHEAD):
        following = np.where(episode >= 0, videos.next_episodes[episode], -1)
        episode = np.where(
            (following >= 0) & (videos.upload_times[following] <= requests.time),
            following,
            -1,
        )
        there = episode >= 0
        rates[np.flatnonzero(there), episode[there]] += share
        share *= behaviour.NEXT_EPISODE_SHARE
