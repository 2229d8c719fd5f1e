"""A log unlike the world, whose truth is known: for what the commands make of it.

Each user likes one of a few kinds of videos and watches it nine times in ten; a video
of a liked kind is watched to nine tenths of its length, any other to one tenth. Ids lie
beyond 2^53, times are ISO text of four zones, titles are of seven scripts, and column
names hold blanks and commas. So popularity is worth one in the number of kinds, the
best candidates nine in ten, and the best order of a page is by kind.
"""

import dataclasses
import datetime
import pathlib

import numpy as np
import polars as pl

_FIRST_ID = 2**54 + 1
_START = datetime.datetime(2025, 3, 1, tzinfo=datetime.UTC)
_ZONES = (0.0, 5.5, -8.0, 12.75)  # hours ahead of UTC
_WORDS = ("music", "музыка", "音楽", "음악", "موسيقى", "संगीत", "μουσική")
_LIKED = 0.9
FLAGS = (
    "--columns=watches.user_id=Viewer ID,watches.video_id=clip, id,"
    "watches.time=when (local),watches.watch_seconds=secs watched,"
    "impressions.user_id=Viewer ID,impressions.video_id=clip, id,"
    "impressions.time=when (local),impressions.clicked=was clicked?,"
    "impressions.watch_seconds=secs watched,videos.video_id=clip, id,"
    "videos.title=Title,videos.duration_seconds=length, s,videos.topic=kind"
)


@dataclasses.dataclass(frozen=True)
class Truth:
    """What the log was made from.

    Attributes:
      liked: Kind that each user likes, `[users]`.
      kinds: Of each video, `[videos]`.
      durations: Seconds of each video, `[videos]`.
    """

    liked: np.ndarray
    kinds: np.ndarray
    durations: np.ndarray

    def worth(self, lists: pl.DataFrame, k: int) -> tuple[float, float]:
        """Returns what the first places of lists are worth.

        Args:
          lists: `user_id`, `video_id` and `rank`, as `recommend --users` writes them.
          k: Places of each list.

        Returns:
          The share of videos of the liked kind, and the mean seconds that a list's
          videos are watched: each is clicked and watched to nine tenths where it is
          liked, as the log has it, and to nothing else.
        """
        first = lists.filter(pl.col("rank") <= k)
        users = first["user_id"].to_numpy() - _FIRST_ID
        videos = first["video_id"].to_numpy() - _FIRST_ID
        is_liked = self.liked[users] == self.kinds[videos]
        seconds = 0.9 * self.durations[videos] * is_liked
        return float(is_liked.mean()), float(seconds.sum() / len(np.unique(users)))

    def is_liked(self, user_id: int, video_id: int) -> bool:
        """Whether a user likes the kind of a video, by their ids."""
        user, video = user_id - _FIRST_ID, video_id - _FIRST_ID
        return bool(self.liked[user] == self.kinds[video])


def write(
    directory: pathlib.Path,
    num_users: int = 60,
    num_videos: int = 40,
    num_watches: int = 30,
    num_kinds: int = 4,
    seed: int = 0,
) -> Truth:
    """Writes the tables as CSV and returns what they were made from.

    Args:
      directory: Made if missing.
      num_users: Users.
      num_videos: Videos.
      num_watches: Of each user, one each eight hours or so.
      num_kinds: Kinds of videos.
      seed: Of every draw.
    """
    rng = np.random.default_rng(seed)
    liked = np.arange(num_users) % num_kinds
    kinds = np.arange(num_videos) % num_kinds
    durations = rng.integers(30, 900, num_videos)
    size = num_users * num_watches
    users = np.repeat(np.arange(num_users), num_watches)
    kind = np.where(
        rng.random(size) < _LIKED, liked[users], rng.integers(0, num_kinds, size)
    )
    videos = kind + num_kinds * rng.integers(0, num_videos // num_kinds, size)
    hours = np.tile(np.arange(num_watches) * 8.0, num_users) + rng.random(size) * 7
    shares = np.where(kinds[videos] == liked[users], 0.9, 0.1)
    watched = {
        "Viewer ID": users + _FIRST_ID,
        "clip, id": videos + _FIRST_ID,
        "when (local)": _texts(hours, users),
        "secs watched": np.round(durations[videos] * shares, 1),
    }
    others = rng.integers(0, num_videos, size)
    skipped = kinds[others] != liked[users]
    passed = {
        "Viewer ID": users[skipped] + _FIRST_ID,
        "clip, id": others[skipped] + _FIRST_ID,
        "when (local)": _texts(hours[skipped], users[skipped]),
        "secs watched": np.zeros(int(skipped.sum())),
    }
    directory.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(watched)
    frame.write_csv(directory / "watches.csv")
    shown = pl.concat(
        [
            frame.with_columns(pl.lit(True).alias("was clicked?")),
            pl.DataFrame(passed).with_columns(pl.lit(False).alias("was clicked?")),
        ]
    )
    shown.write_csv(directory / "impressions.csv")
    pl.DataFrame(
        {
            "clip, id": np.arange(num_videos) + _FIRST_ID,
            "Title": [f"{_WORDS[i % 7]}, {i}" for i in range(num_videos)],
            "length, s": durations,
            "kind": [f"kind {kind}" for kind in kinds],
        }
    ).write_csv(directory / "videos.csv")
    return Truth(liked, kinds, durations)


def _texts(hours: np.ndarray, users: np.ndarray) -> list[str]:
    """Returns moments as ISO text in the zone of each user."""
    found = []
    for hour, user in zip(hours.tolist(), users.tolist(), strict=True):
        zone = datetime.timezone(datetime.timedelta(hours=_ZONES[user % 4]))
        moment = _START + datetime.timedelta(hours=hour)
        found.append(moment.astimezone(zone).isoformat(timespec="seconds"))
    return found
