"""The world's users: demographics, and tastes that go with them."""

import dataclasses

import numpy as np

from ytdnn import configs
from ytdnn.world import words

_AGE_BAND_YEARS = 12
_NUM_AGE_BANDS = 6
TASTE_DIM = 6


@dataclasses.dataclass(frozen=True)
class Users:
    """Users by index; the last four are the world's truth, not in the log.

    Attributes:
      ages: int64 [num_users], years.
      genders: int64 [num_users], into `words.GENDERS`.
      countries: int64 [num_users], into `words.COUNTRIES`.
      logged_in: float32 [num_users], share of visits with a log-in.
      topic_shares: float32 [num_users, num_topics], rows sum to one.
      tastes: float32 [num_users, TASTE_DIM], liking of channels' styles.
      activity: float32 [num_users], relative number of visits, mean about one.
      joined: float32 [num_users], share of the span before the first visit.
    """

    ages: np.ndarray
    genders: np.ndarray
    countries: np.ndarray
    logged_in: np.ndarray
    topic_shares: np.ndarray
    tastes: np.ndarray
    activity: np.ndarray
    joined: np.ndarray

    def __len__(self) -> int:
        """Number of users."""
        return len(self.ages)


def make_users(config: configs.World, rng: np.random.Generator) -> Users:
    """Draws the users: interests lean on age, gender and country, then differ."""
    num = config.num_users
    ages = np.clip(rng.gamma(6.0, 5.5, num).round(), 13, 90).astype(np.int64)
    genders = rng.integers(len(words.GENDERS), size=num)
    shares = np.array([share for *_, share in words.COUNTRIES])
    countries = rng.choice(len(shares), size=num, p=shares / shares.sum())
    return Users(
        ages=ages,
        genders=genders,
        countries=countries,
        logged_in=rng.beta(4.0, 1.0, num).astype(np.float32),
        topic_shares=_topic_shares(config.num_topics, ages, genders, countries, rng),
        tastes=rng.standard_normal((num, TASTE_DIM), np.float32),
        activity=rng.lognormal(-0.32, 0.8, num).clip(0.05, 8.0).astype(np.float32),
        joined=np.where(rng.random(num) < 0.8, 0.0, rng.random(num) * 0.8).astype(
            np.float32
        ),
    )


def _topic_shares(
    num_topics: int,
    ages: np.ndarray,
    genders: np.ndarray,
    countries: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Softmax of the sum of group leanings and a person's own."""
    bands = np.clip((ages - 13) // _AGE_BAND_YEARS, 0, _NUM_AGE_BANDS - 1)
    leaning = rng.normal(0.0, 0.7, (_NUM_AGE_BANDS, num_topics))[bands]
    leaning += rng.normal(0.0, 0.5, (len(words.GENDERS), num_topics))[genders]
    leaning += rng.normal(0.0, 0.3, (len(words.COUNTRIES), num_topics))[countries]
    leaning += rng.normal(0.0, 1.4, leaning.shape)
    weights = np.exp(leaning - leaning.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
