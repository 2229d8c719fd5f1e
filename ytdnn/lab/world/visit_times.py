"""The times of visits: by day, in rounds that are played together."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import corpus, people

_WEEKEND = 1.4  # visits of a Saturday or Sunday over those of another day
_HOURS_SPREAD = 3.5
_MONDAY_TO_FRIDAY = 5  # days of the week before the weekend; the log begins Monday


@dataclasses.dataclass(frozen=True)
class Round:
    """At most one visit of each user, all on one day.

    Attributes:
      day: Day of the log, from 0.
      rows: int64 [n], users' rows, distinct.
      times: int64 [n], seconds.
    """

    day: int
    rows: np.ndarray
    times: np.ndarray


def rounds(
    config: configs.WorldConfig, users: people.Users, rng: np.random.Generator
) -> Iterator[Round]:
    """Yields all visits in order of day, each user's in order of time."""
    rows = np.repeat(np.arange(len(users)), users.visits)
    days = _days(config, users.joined_days[rows], rng)
    hours = users.hours[rows] + _HOURS_SPREAD * rng.standard_normal(len(rows))
    seconds = days * corpus.SECONDS_PER_DAY + hours % 24.0 * 3_600.0
    times = corpus.START + seconds.astype(np.int64)
    order = np.lexsort((times, rows, days))
    rows, days, times = rows[order], days[order], times[order]
    first = np.append(True, (rows[1:] != rows[:-1]) | (days[1:] != days[:-1]))
    begins = np.flatnonzero(first)
    ordinal = np.arange(len(rows)) - begins[np.cumsum(first) - 1]
    order = np.lexsort((rows, ordinal, days))
    rows, days, times, ordinal = (v[order] for v in (rows, days, times, ordinal))
    new = (days[1:] != days[:-1]) | (ordinal[1:] != ordinal[:-1])
    edges = np.concatenate([[0], np.flatnonzero(new) + 1, [len(rows)]])
    for start, stop in itertools.pairwise(edges.tolist()):
        if start < stop:
            yield Round(int(days[start]), rows[start:stop], times[start:stop])


def _days(
    config: configs.WorldConfig, joined_days: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws the day of each visit, none before its user joined."""
    weekday = np.arange(config.span_days) % 7
    weights = np.where(weekday >= _MONDAY_TO_FRIDAY, _WEEKEND, 1.0)
    sums = np.append(0.0, np.cumsum(weights))
    low = np.interp(joined_days, np.arange(len(sums)), sums)
    aim = low + rng.random(len(low)) * (sums[-1] - low)
    days = np.searchsorted(sums, aim, side="right") - 1
    return np.minimum(days, config.span_days - 1)
