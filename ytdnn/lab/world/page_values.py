"""The true value of a page to a user: expected clicks and watch seconds.

The laws are those of `truth`, for whole pages: the probability of a click depends on
the position of the video and on the user's memory, and a clicked video is watched for
its expected seconds. The device of a hypothetical request is unknown, so seconds are
the expectation over the user's own devices.
"""

from typing import NamedTuple

import numpy as np

from ytdnn.lab.world import corpus, generate, interests, people, responses


class Worth(NamedTuple):
    """Expected clicks and watch seconds of impressions.

    Attributes:
      clicks: Probability of a click.
      seconds: Expected watch seconds, 0 without a click.
    """

    clicks: np.ndarray
    seconds: np.ndarray


def page_values(
    world: generate.World,
    users: np.ndarray,
    slates: np.ndarray,
    times: np.ndarray,
    positions: np.ndarray,
    num_unclicked: np.ndarray | int = 0,
    watched: np.ndarray | bool = False,
) -> Worth:
    """Returns the expected value of each position of some pages, `[n, k] float64`.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      slates: `[n, k]` numbers of videos; -1 (an empty position) and videos that are not
        yet uploaded are worth nothing.
      times: `[n]`, seconds since the epoch.
      positions: Positions on the page, from 0, of a shape that `[n, k]` broadcasts.
      num_unclicked: `[n, k]`, impressions of the video among the user's latest
        (`memory.NUM_IMPRESSIONS`) that were not clicked.
      watched: `[n, k]`, whether it is among the user's latest watches.
    """
    everyone, videos = world.all_users, world.shared.videos
    current = interests.at(world.shared.topics, everyone, users, times)
    liking = interests.affinity(everyone, users, current, videos, slates)
    chance = responses.click_probability(
        liking, videos.appeal[slates], positions, num_unclicked, watched
    )
    quality, lengths = videos.quality[slates], videos.duration_seconds[slates]
    shares = people.device_shares(everyone, users)
    fractions = (
        share[:, None] * responses.mean_fraction(liking, quality, lengths, device)
        for device, share in enumerate(shares.T)
    )
    seconds = sum(fractions) * lengths
    share = world.config.accidental_clicks
    chance = responses.with_accidents(chance, share)
    seconds = responses.mean_seconds_with_accidents(seconds, chance, share)
    there = (slates >= 0) & (videos.upload_times[slates] <= times[:, None])
    clicks = np.where(there, chance, 0.0)
    return Worth(clicks, clicks * seconds)


def shortlist(
    world: generate.World,
    users: np.ndarray,
    times: np.ndarray,
    num: int,
    known: np.ndarray,
    excluded: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Returns the videos with the most expected seconds for each user, in no order.

    Computed in single precision, for the first position of a page, a user without
    memory and the user's most used device: close to the value of `page_values`, so a
    list a little longer than needed contains the best ones.

    Args:
      world: The world.
      users: `[n]` numbers of users.
      times: `[n]`, seconds since the epoch; later uploads are left out.
      num: Length of each list.
      known: Numbers of the videos to choose from.
      excluded: Rows and numbers of videos, of the same length, that may not.

    Returns:
      `[n, num] int64` numbers of videos, -1 where there are fewer.
    """
    everyone, videos = world.all_users, world.shared.videos
    current = interests.at(world.shared.topics, everyone, users, times)
    num_leaves = world.shared.topics.num_leaves
    liking = interests.affinity_to_all(everyone, users, current, videos, num_leaves)
    appeal, quality, lengths, first = (
        np.asarray(values, np.float32)
        for values in (videos.appeal, videos.quality, videos.duration_seconds, 0)
    )
    usual = people.device_shares(everyone, users).argmax(axis=1)[:, None]
    worth = responses.click_probability(liking, appeal, first, 0, first)
    worth *= responses.mean_fraction(liking, quality, lengths, usual)
    worth *= lengths
    may_be_listed = np.isin(np.arange(len(videos)), known)
    worth[videos.upload_times > times[:, None]] = -1.0
    worth[:, ~may_be_listed] = -1.0
    worth[excluded] = -1.0
    num_listed = min(num, len(videos))
    best = np.argpartition(-worth, num_listed - 1, axis=1)[:, :num_listed]
    found_worth = np.take_along_axis(worth, best, axis=1)
    listed = np.where(found_worth >= 0.0, best, corpus.NONE)
    return np.pad(listed, ((0, 0), (0, num - num_listed)), constant_values=corpus.NONE)
