"""What a user would like, and what the old recommender believes they would.

All in logits, [users, videos] float32. Behaviour follows `interest`; the page follows
`page_scores`, which knows a user's topics only roughly, so that what was shown is not
what would have been liked.
"""

import numpy as np

from ytdnn.world import corpus, people, words

_OTHER_LANGUAGE = -2.0
_UNSEEN = np.float32(-1e9)


def interest(
    users: people.Users, rows: np.ndarray, videos: corpus.Videos
) -> np.ndarray:
    """Returns each user's true liking of each video: topics, style, language."""
    topics = _topic_fit(users.topic_shares[rows], videos)
    style = users.tastes[rows] @ videos.styles.T / np.sqrt(people.TASTE_DIM)
    liking = topics + np.float32(0.6) * style + _language_fit(users, rows, videos)
    return liking.astype(np.float32)


def believed_interest(
    users: people.Users,
    rows: np.ndarray,
    videos: corpus.Videos,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns what the old recommender takes for a user's liking."""
    shares = users.topic_shares[rows] * rng.lognormal(
        0.0, 1.0, users.topic_shares[rows].shape
    )
    shares = 0.5 * shares / shares.sum(axis=1, keepdims=True) + 0.5 / shares.shape[1]
    fit = _topic_fit(shares.astype(np.float32), videos)
    return (fit + _language_fit(users, rows, videos)).astype(np.float32)


def _topic_fit(shares: np.ndarray, videos: corpus.Videos) -> np.ndarray:
    """Log of the share of the user's interest that the video serves; 0 if even."""
    num_topics = shares.shape[1]
    return np.log(num_topics * (shares @ videos.topic_shares.T) + np.float32(0.05))


def _language_fit(
    users: people.Users, rows: np.ndarray, videos: corpus.Videos
) -> np.ndarray:
    spoken = np.array([language for _, language, _ in words.COUNTRIES], object)
    same = spoken[users.countries[rows]][:, None] == videos.languages[None, :]
    return np.where(same, np.float32(0.0), np.float32(_OTHER_LANGUAGE))


def trend(videos: corpus.Videos, times: np.ndarray) -> np.ndarray:
    """Returns log popularity at each time: decays after upload, nothing before it.

    Args:
      videos: The corpus.
      times: int64 [users], seconds.
    """
    age_days = (times[:, None] - videos.upload_times[None, :]).astype(np.float32)
    age_days /= corpus.SECONDS_PER_DAY
    decay = np.log1p(np.maximum(age_days, 0.0) / np.float32(7.0))
    heat = videos.popularity - np.float32(0.4) * decay
    return np.where(age_days >= 0.0, heat, _UNSEEN)


def page_scores(
    believed: np.ndarray, heat: np.ndarray, age_bonus: np.ndarray
) -> np.ndarray:
    """Returns scores [sources, users, videos] in the order of `behaviour.SOURCES`."""
    scores = np.empty((3, *heat.shape), np.float32)
    scores[0] = np.float32(1.6) * believed + np.float32(0.6) * heat
    scores[1] = heat - np.float32(1.0)
    scores[2] = age_bonus + np.float32(0.5) * heat
    return scores


def freshness(videos: corpus.Videos, times: np.ndarray) -> np.ndarray:
    """Returns a bonus that falls by one for each two days since upload."""
    age_days = (times[:, None] - videos.upload_times[None, :]).astype(np.float32)
    return np.float32(2.5) - age_days / np.float32(2.0 * corpus.SECONDS_PER_DAY)


def watched_fraction(
    liking: np.ndarray,
    quality: np.ndarray,
    duration_seconds: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the share of its length that a video is watched for, in (0, 1)."""
    logit = 0.6 * liking + 0.7 * quality - 0.5 * np.log(duration_seconds / 300.0)
    logit += rng.normal(-0.2, 0.7, liking.shape)
    fraction: np.ndarray = 1.0 / (1.0 + np.exp(-logit))
    return fraction
