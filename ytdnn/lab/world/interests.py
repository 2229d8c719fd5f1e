"""Interests at any moment, as plain functions of user, video and time."""

import numpy as np

from ytdnn.lab.world import corpus, people, words

FOCUS_SHARE = 0.3  # of a user's interest that goes to the focus of the spell
_AWAKING_DAYS = 4.0

# Affinity, in logits.
_TOPIC = 0.8
_SAME_TOPIC = 0.25  # a leaf of the same topic counts as much of a leaf of interest
_LEAST = 0.02
_STYLE = 0.7
_SUBSCRIBED = 0.7
_ENGLISH = -0.6
_FOREIGN = -3.0


def at(
    topics: corpus.Topics, users: people.Users, rows: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the interests of users at a time.

    Args:
      topics: The tree.
      users: The users that `rows` index.
      rows: `[n]`.
      times: `[n]`, seconds.

    Returns:
      Leaves `[n, NUM_INTERESTS + 1] int32` and their weights, summing to one; the last
      is the focus of the spell, of weight 0 where there is none.
    """
    seconds = times - corpus.START
    days = seconds / corpus.SECONDS_PER_DAY
    leaves = users.leaves[rows]
    awake = (days[:, None] - users.begins_days[rows]) / _AWAKING_DAYS
    turn = 2.0 * np.pi * days[:, None] / users.period_days[rows] + users.phase[rows]
    quarter = seconds // (corpus.SECONDS_PER_DAY // 4) % 4
    log_weights = users.swing[rows] * np.sin(turn)
    log_weights += topics.hours[leaves, quarter[:, None]]
    weights = users.base[rows] * np.exp(log_weights)
    weights /= 1.0 + np.exp(-np.clip(awake, -30.0, 30.0))
    weights /= weights.sum(axis=1, keepdims=True)
    # The leaf that each user is after in the spell of the day, -1 = none.
    spell = (days + users.focus_offset_days[rows]) / people.FOCUS_DAYS
    spell = np.clip(spell.astype(np.int64), 0, users.focus.shape[1] - 1)
    focus = users.focus[rows, spell]
    share = np.where(focus >= 0, FOCUS_SHARE, 0.0)
    return (
        np.column_stack([leaves, np.where(focus >= 0, focus, leaves[:, 0])]),
        np.column_stack([weights * (1.0 - share)[:, None], share]),
    )


def affinity(
    users: people.Users,
    rows: np.ndarray,
    interests: tuple[np.ndarray, np.ndarray],
    videos: corpus.Videos,
    shown: np.ndarray,
) -> np.ndarray:
    """Returns the affinity of each user to each video, in logits.

    The logarithm of the weight of the interests that the video's leaf and, to a lesser
    degree, its topic match; plus the user's taste for its style, its language, and a
    subscription to its channel.

    Args:
      users: The users that `rows` index.
      rows: `[n]`.
      interests: Interests of those users, from `at`.
      videos: The corpus.
      shown: `[n, k]` videos.

    Returns:
      `[n, k] float64`.
    """
    leaves, weights = interests
    shown_leaves = videos.leaves[shown]
    shown_topics = shown_leaves // words.LEAVES_PER_TOPIC
    topics = leaves // words.LEAVES_PER_TOPIC
    by_leaf = np.zeros(shown.shape)
    by_topic = np.zeros(shown.shape)
    for i in range(leaves.shape[1]):
        weight = weights[:, i, None]
        by_leaf += weight * (leaves[:, i, None] == shown_leaves)
        by_topic += weight * (topics[:, i, None] == shown_topics)
    interest = np.log((by_leaf + _SAME_TOPIC * by_topic + _LEAST) / 0.1)
    style = np.einsum("nd,nkd->nk", users.tastes[rows], videos.styles[shown])
    subscriptions = users.subscriptions[rows][:, None, :]
    subscribed = (subscriptions == videos.channels[shown][:, :, None]).any(axis=2)
    liking = _TOPIC * interest + _STYLE / np.sqrt(corpus.STYLE_DIM) * style
    return liking + _SUBSCRIBED * subscribed + _language_fit(users, rows, videos, shown)


def affinity_to_all(
    users: people.Users,
    rows: np.ndarray,
    interests: tuple[np.ndarray, np.ndarray],
    videos: corpus.Videos,
    num_leaves: int,
) -> np.ndarray:
    """Returns `affinity` for all videos, `[n, num_videos] float32`."""
    weights = leaf_weights(*interests, num_leaves)
    by_topic = weights.reshape(len(rows), -1, words.LEAVES_PER_TOPIC).sum(axis=2)
    served = weights + _SAME_TOPIC * np.repeat(by_topic, words.LEAVES_PER_TOPIC, axis=1)
    interest = _TOPIC * np.log((served + _LEAST) / 0.1).astype(np.float32)
    liking = interest[:, videos.leaves]
    liking += np.float32(_STYLE / np.sqrt(corpus.STYLE_DIM)) * (
        users.tastes[rows] @ videos.styles.T
    )
    num_channels = int(videos.channels.max()) + 1
    bonus = np.zeros((len(rows), num_channels), np.float32)
    bonus[np.arange(len(rows))[:, None], users.subscriptions[rows]] = _SUBSCRIBED
    liking += bonus[:, videos.channels]
    everything = np.arange(len(videos))[None, :]
    liking += _language_fit(users, rows, videos, everything).astype(np.float32)
    return liking


def leaf_weights(
    leaves: np.ndarray, weights: np.ndarray, num_leaves: int
) -> np.ndarray:
    """Returns interest in each leaf of the tree, `[n, num_leaves] float64`."""
    spread = np.zeros((len(leaves), num_leaves))
    for i in range(leaves.shape[1]):
        spread[np.arange(len(leaves)), leaves[:, i]] += weights[:, i]
    return spread


def _language_fit(
    users: people.Users, rows: np.ndarray, videos: corpus.Videos, shown: np.ndarray
) -> np.ndarray:
    languages = videos.languages[shown]
    english = (languages == words.ENGLISH) & (users.english[rows, None] > 0.0)
    fit = np.where(english, _ENGLISH, _FOREIGN)
    return np.where(languages == users.languages[rows, None], 0.0, fit)
