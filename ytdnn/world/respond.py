"""The world goes on: users respond to recommendations they are given.

After the log has been played, a slate shown to a user is clicked and watched by the
same laws as in the log, and remembered: videos shown and not clicked lose appeal, and
watched ones are not watched again. Online tests of recommenders are made with it.
"""

from typing import NamedTuple

import numpy as np

from ytdnn.world import behaviour, corpus, generate, interests, people, responses


class Response(NamedTuple):
    """What users did with their slates.

    Attributes:
      clicked: bool [n, k].
      watch_seconds: float64 [n, k], 0 where not clicked.
    """

    clicked: np.ndarray
    watch_seconds: np.ndarray


class Continuation:
    """A world after its log, with what every user remembers.

    Attributes:
      world: The world.
    """

    def __init__(self, world: generate.World, seed: int = 0) -> None:
        """Plays the log once, for what it leaves in memory.

        Args:
          world: The world.
          seed: Of the responses; the same calls get the same responses.
        """
        self.world = world
        self._rng = np.random.default_rng([world.config.seed, seed])
        share = world.config.accidental_clicks
        own = np.random.SeedSequence([world.config.seed, seed]).spawn(1)[0]
        self._accidents = responses.Accidents(share, np.random.default_rng(own))
        self._crowds: list[behaviour.Crowd] = []
        for number in range(world.num_crowds):
            crowd = world.crowd(number)
            crowd.play()
            self._crowds.append(crowd)

    def respond(
        self, users: np.ndarray, slates: np.ndarray, times: np.ndarray
    ) -> Response:
        """Shows each user a slate and lets them respond.

        Args:
          users: `[n]` numbers of distinct users.
          slates: `[n, k]` numbers of videos, best first; -1 = an empty place.
          times: `[n]`, seconds since the epoch.

        Raises:
          ValueError: Users are not distinct, or a user, video or shape is none.
        """
        users, slates, times = np.asarray(users), np.asarray(slates), np.asarray(times)
        _check(self.world, users, slates, times)
        clicked = np.zeros(slates.shape, bool)
        seconds = np.zeros(slates.shape)
        for number, crowd in enumerate(self._crowds):
            at = np.flatnonzero(users // generate.CROWD == number)
            rows = users[at] - crowd.users.first
            clicked[at], seconds[at] = self._respond(crowd, rows, slates[at], times[at])
        return Response(clicked, seconds)

    def _respond(
        self,
        crowd: behaviour.Crowd,
        rows: np.ndarray,
        slates: np.ndarray,
        times: np.ndarray,
    ) -> Response:
        shared, rng = self.world.shared, self._rng
        videos = shared.videos
        found = interests.at(shared.topics, crowd.users, rows, times)
        liking = interests.affinity(crowd.users, rows, found, videos, slates)
        chance = responses.click_probability(
            liking,
            videos.appeal[slates],
            np.arange(slates.shape[1]),
            crowd.remembered.num_unclicked(rows, slates),
            crowd.remembered.has_watched(rows, slates),
        )
        there = (slates >= 0) & (videos.upload_times[slates] <= times[:, None])
        accidental = there & self._accidents.happen(slates.shape)
        clicked = there & (rng.random(slates.shape) < chance) | accidental
        devices = people.draw_devices(crowd.users, rows, rng)
        lengths = videos.duration_seconds[slates]
        fraction = responses.mean_fraction(
            liking, videos.quality[slates], lengths, devices[:, None]
        )
        seconds = responses.draw_watch_seconds(fraction, lengths, rng)
        short = self._accidents.watch_seconds(slates.shape)
        seconds = np.where(accidental, short, seconds)
        shown = np.where(there, slates, corpus.NONE)
        crowd.remembered.add_impressions(rows, shown, clicked)
        for column in range(slates.shape[1]):
            keep = clicked[:, column]
            chosen = slates[keep, column]
            crowd.remembered.add_watches(rows[keep], chosen, videos.series[chosen])
        return Response(clicked, np.where(clicked, seconds, 0.0))


def _check(
    world: generate.World, users: np.ndarray, slates: np.ndarray, times: np.ndarray
) -> None:
    if slates.ndim != 2 or len(slates) != len(users) or times.shape != users.shape:
        raise ValueError(
            f"expected users [n], slates [n, k] and times [n], received "
            f"{users.shape}, {slates.shape} and {times.shape}"
        )
    if len(np.unique(users)) != len(users):
        raise ValueError("expected distinct users, received one more than once")
    num_users, num_videos = world.config.num_users, len(world.shared.videos)
    for name, values, low, high in (
        ("users", users, 0, num_users),
        ("videos", slates, corpus.NONE, num_videos),
    ):
        if values.size and (values.min() < low or values.max() >= high):
            raise ValueError(
                f"expected {name} from {low} to {high - 1}, received "
                f"{values.min()} to {values.max()}"
            )
