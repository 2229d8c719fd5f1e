"""The world's users: demographics, and interests that go with them and drift.

A user's interests are a few leaves of the topic tree with weights that are closed
functions of time (`interests.at`), so the truth at any moment can be computed without
playing the time before it.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import corpus, popularity, words

WorldState = popularity.WorldState

Generator = np.random.Generator

NUM_INTERESTS = 8
NUM_SUBSCRIPTIONS = 8
FOCUS_DAYS = 4.0  # a short-lived interest: what a user is after these days
ALWAYS = -1e6  # days: an interest that was there before the log

_WATCHES_PER_VISIT = 1.7  # as behaviour has it; sets the number of visits
_AGE_BAND_YEARS = 12
_NUM_AGE_BANDS = 6
_LATE_SHARE = 0.35  # of users, who arrive within the span
_NEW_INTERESTS = 3  # of NUM_INTERESTS begin within the span
_NO_FOCUS_SHARE = 0.3
_OWN_FOCUS_SHARE = 0.5
_SUPPLY = 0.5  # how much more there is of a leaf draws to it
_TASTE_PULL = 0.9  # how much a user's taste draws to leaves that point its way


class Leanings(NamedTuple):
    """Log interest of each group of people in each leaf, `[groups, num_leaves]`."""

    by_age: np.ndarray
    by_gender: np.ndarray
    by_country: np.ndarray


@dataclasses.dataclass(frozen=True)
class Users:
    """Some of the users; the first five fields are in the log.

    Attributes:
      first: Number of the first of them in the world.
      ages: int64 [n], years.
      genders: int8 [n], into `words.GENDERS`.
      countries: int8 [n], into `words.COUNTRIES`.
      languages: int8 [n], their country's, into `words.LANGUAGES`.
      english: float64 [n], share of watches in English; 0 if English is the user's own
        language.
      logged_in: float64 [n], share of visits with a log-in.
      visits: int64 [n], visits within the span.
      joined_days: float64 [n], first possible visit, days since the begin.
      device_sums: float64 [n, devices], running shares of visits by device: phones
        are for the young, television for the old, and so devices tell of interests.
      hours: float64 [n], usual hour of the day.
      searching: float64 [n], share of visits with a search.
      leaves: int32 [n, NUM_INTERESTS], distinct.
      base: float64 [n, NUM_INTERESTS], weights that sum to one.
      begins_days: float64 [n, NUM_INTERESTS], when the interest awakes.
      swing: float64 [n, NUM_INTERESTS], amplitude of the drift of the log weight.
      period_days: float64 [n, NUM_INTERESTS].
      phase: float64 [n, NUM_INTERESTS].
      focus: int32 [n, spells], leaf of the user's temporary interest in each spell, -1
        = none.
      focus_offset_days: float64 [n], when the user's first spell ends.
      tastes: float32 [n, STYLE_DIM], liking of styles.
      subscriptions: int32 [n, NUM_SUBSCRIPTIONS], channels.
    """

    first: int
    ages: np.ndarray
    genders: np.ndarray
    countries: np.ndarray
    languages: np.ndarray
    english: np.ndarray
    logged_in: np.ndarray
    visits: np.ndarray
    joined_days: np.ndarray
    device_sums: np.ndarray
    hours: np.ndarray
    searching: np.ndarray
    leaves: np.ndarray
    base: np.ndarray
    begins_days: np.ndarray
    swing: np.ndarray
    period_days: np.ndarray
    phase: np.ndarray
    focus: np.ndarray
    focus_offset_days: np.ndarray
    tastes: np.ndarray
    subscriptions: np.ndarray

    def __len__(self) -> int:
        """Number of users."""
        return len(self.ages)


def make_leanings(config: configs.WorldConfig, rng: Generator) -> Leanings:
    """Draws the preferences of groups of people, by topic and, less, by leaf."""

    def leanings(num_groups: int, topic_scale: float, leaf_scale: float) -> np.ndarray:
        topics = rng.normal(0.0, topic_scale, (num_groups, config.num_topics))
        leaves = np.repeat(topics, words.LEAVES_PER_TOPIC, axis=1)
        return leaves + rng.normal(0.0, leaf_scale, leaves.shape)

    return Leanings(
        by_age=leanings(_NUM_AGE_BANDS, 1.2, 0.5),
        by_gender=leanings(len(words.GENDERS), 0.8, 0.4),
        by_country=leanings(len(words.COUNTRIES), 0.6, 0.3),
    )


def make_users(
    shared: WorldState, leanings: Leanings, first: int, num: int, rng: Generator
) -> Users:
    """Draws `num` users, numbered from `first` on."""
    num_days = shared.config.span_days
    ages = np.clip(rng.gamma(6.0, 5.5, num).round(), 13, 90).astype(np.int64)
    genders = rng.integers(len(words.GENDERS), size=num).astype(np.int8)
    shares = np.array([share for *_, share in words.COUNTRIES])
    countries = rng.choice(len(shares), num, p=shares / shares.sum()).astype(np.int8)
    spoken = [words.LANGUAGES.index(language) for _, language, _ in words.COUNTRIES]
    languages = np.array(spoken, np.int8)[countries]
    tastes = rng.standard_normal((num, corpus.STYLE_DIM))
    lean = _lean(leanings, shared.topics, ages, genders, countries, tastes)
    leaves, base = _interests(lean, rng)
    late = rng.random(num) < _LATE_SHARE
    joined = np.where(late, rng.random(num), 0.0)
    mean_visits = shared.config.watches_per_user / _WATCHES_PER_VISIT
    mean_visits *= num_days / shared.config.num_days
    activity = rng.lognormal(-0.5, 1.0, num).clip(0.03, 12.0)
    english = np.where(languages == words.ENGLISH, 0.0, rng.beta(1.2, 4.0, num))
    shape = (num, NUM_INTERESTS)
    begins = _begins(shape, num_days, rng)
    return Users(
        first=first,
        ages=ages,
        genders=genders,
        countries=countries,
        languages=languages,
        english=english,
        logged_in=rng.beta(4.0, 1.0, num),
        visits=np.maximum(rng.poisson(mean_visits * activity), 1),
        joined_days=joined * num_days,
        device_sums=_device_sums(ages),
        hours=rng.normal(17.5, 3.0, num),
        searching=rng.beta(1.5, 3.0, num),
        leaves=leaves,
        base=base,
        begins_days=begins,
        swing=np.abs(rng.normal(0.0, 1.3, shape)),
        period_days=rng.uniform(20.0, 90.0, shape),
        phase=rng.uniform(0.0, 2.0 * np.pi, shape),
        focus=_focus(num_days, lean, leaves, rng),
        focus_offset_days=rng.random(num) * FOCUS_DAYS,
        tastes=tastes.astype(np.float32),
        subscriptions=_subscriptions(shared, leaves, languages, base, rng),
    )


def _device_sums(ages: np.ndarray) -> np.ndarray:
    """Returns running shares of visits by device, `[n, devices]`, which end at one."""
    leaning = (ages - words.DEVICE_AGE)[:, None] / np.array(words.DEVICE_YEARS)
    shares = np.array(words.DEVICE_SHARES) * np.exp(leaning.clip(-2.0, 2.0))
    sums = np.cumsum(shares, axis=1)
    return sums / sums[:, -1:]


def draw_devices(users: Users, rows: np.ndarray, rng: Generator) -> np.ndarray:
    """Draws the device of a visit of each user, into `words.DEVICES`."""
    aim = rng.random(len(rows))
    devices: np.ndarray = (users.device_sums[rows] <= aim[:, None]).sum(axis=1)
    return np.minimum(devices, len(words.DEVICES) - 1)


def device_shares(users: Users, rows: np.ndarray) -> np.ndarray:
    """Returns the share of each user's visits by device, `[n, devices]`."""
    return np.diff(users.device_sums[rows], axis=1, prepend=0.0)


def _lean(
    leanings: Leanings,
    topics: corpus.Topics,
    ages: np.ndarray,
    genders: np.ndarray,
    countries: np.ndarray,
    tastes: np.ndarray,
) -> np.ndarray:
    """Returns each user's log inclination to each leaf: group, taste, and supply."""
    bands = np.clip((ages - 13) // _AGE_BAND_YEARS, 0, _NUM_AGE_BANDS - 1)
    lean = leanings.by_age[bands] + leanings.by_gender[genders]
    lean += leanings.by_country[countries] + _SUPPLY * topics.log_share
    lean += _TASTE_PULL * tastes @ topics.directions.T
    return lean.astype(np.float32)


def _interests(lean: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns distinct leaves, drawn in proportion to exp(lean), and their weights."""
    k = min(NUM_INTERESTS, lean.shape[1])
    noisy = lean - np.log(rng.standard_exponential(lean.shape, np.float32) + 1e-20)
    leaves = np.argpartition(-noisy, k - 1, axis=1)[:, :k]
    leaves = np.pad(leaves, ((0, 0), (0, NUM_INTERESTS - k)), mode="edge")
    weights = rng.standard_gamma(0.8, leaves.shape)
    weights[:, k:] = 0.0
    weights += np.where(np.arange(NUM_INTERESTS) < k, 0.02, 0.0)
    return leaves.astype(np.int32), weights / weights.sum(axis=1, keepdims=True)


def _begins(shape: tuple[int, int], num_days: int, rng: Generator) -> np.ndarray:
    """Returns when each interest awakes; a user's first was always there."""
    is_new = rng.random(shape) < _NEW_INTERESTS / NUM_INTERESTS
    begins = np.where(is_new, rng.random(shape) * num_days, ALWAYS)
    begins[:, 0] = ALWAYS
    return begins


def _focus(
    num_days: int, lean: np.ndarray, leaves: np.ndarray, rng: Generator
) -> np.ndarray:
    """Returns the focus of each user in each spell: an interest, or a new leaf."""
    num, spells = len(lean), int(num_days / FOCUS_DAYS) + 2
    shares = np.exp(lean - lean.max(axis=1, keepdims=True))
    sums = np.cumsum(shares, axis=1)
    focus = np.empty((num, spells), np.int32)
    for spell in range(spells):
        aim = rng.random((num, 1)) * sums[:, -1:]
        wide = np.minimum((sums < aim).sum(axis=1), sums.shape[1] - 1)
        own = leaves[np.arange(num), rng.integers(NUM_INTERESTS, size=num)]
        choice = rng.random(num)
        chosen = np.where(choice < _OWN_FOCUS_SHARE, own, wide)
        focus[:, spell] = np.where(choice > 1.0 - _NO_FOCUS_SHARE, corpus.NONE, chosen)
    return focus


def _subscriptions(
    shared: WorldState,
    leaves: np.ndarray,
    languages: np.ndarray,
    base: np.ndarray,
    rng: Generator,
) -> np.ndarray:
    """Returns channels of famous videos that lie among the user's interests."""
    num = len(leaves)
    sums = np.cumsum(base, axis=1)
    fame = popularity.draws(shared.shelves, np.exp(shared.videos.fame))
    channels = np.empty((num, NUM_SUBSCRIPTIONS), np.int32)
    for i in range(NUM_SUBSCRIPTIONS):
        aim = rng.random((num, 1))
        pick = np.minimum((sums < aim).sum(axis=1), NUM_INTERESTS - 1)
        chosen = fame.among(languages, leaves[np.arange(num), pick], rng)
        channels[:, i] = shared.videos.channels[chosen]
    return channels


def join(crowds: list[Users]) -> Users:
    """Returns several crowds as one, numbered from the first of them."""
    names = [field.name for field in dataclasses.fields(Users)][1:]
    columns = ([getattr(crowd, name) for crowd in crowds] for name in names)
    return Users(crowds[0].first, *map(np.concatenate, columns))
