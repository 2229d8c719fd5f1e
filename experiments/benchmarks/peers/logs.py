"""The logs that are trained on: prepared once, and handed to every system alike."""

import dataclasses
import pathlib

import numpy as np
import polars as pl

from experiments.benchmarks.peers import pace
from ytdnn import configs
from ytdnn.base.metrics import retrieval
from ytdnn.evaluation import lists, protocol
from ytdnn.log import events, prepare, prepared

K = 10
_START, _WATCHES_A_USER = 1_600_000_000, 50


@dataclasses.dataclass(frozen=True)
class Log:
    """A prepared log, leave-one-out.

    Attributes:
      data: The prepared set.
      cases: The test.
      events: File of what the peers read.
    """

    data: prepared.PreparedData
    cases: protocol.Cases
    events: pathlib.Path

    def hit_rate(self, handed_over: str) -> float:
        """Returns HR@10 of vectors or lists: all videos ranked, watched ones removed.

        Args:
          handed_over: File of a script; see `pace.Pace`.
        """
        with np.load(handed_over) as found:
            if "lists" in found:
                top = lists.closed_up(self.cases, found["lists"], K)
            else:
                vectors = found["users"], found["videos"]
                top = lists.from_vectors(self.cases, *vectors, K)
        targets = self.cases.targets
        values = retrieval.metrics_at(top, targets.offsets, targets.values, (K,))
        return float(values[f"hit_rate@{K}"].mean())


def movielens(directory: pathlib.Path, scratch: pathlib.Path) -> Log:
    """Prepares MovieLens-1M: its 5-core in the stated order, leave-one-out."""
    settings = configs.DataConfig(
        source="movielens",
        dir=str(directory),
        protocol="leave_one_out",
        order_by="order",
        min_item_count=5,
        min_user_count=5,
        vocabulary="all",
    )
    return _prepared(settings, scratch / "movielens")


def made(num_videos: int, scratch: pathlib.Path) -> Log:
    """Makes a log of two watches a video on average, fifty a user, and prepares it.

    Every video is watched once, and as many watches again are of few popular ones.
    """
    rng = np.random.default_rng(0)
    popular = (num_videos * rng.random(num_videos) ** 4).astype(np.int64)
    videos = rng.permutation(np.concatenate([np.arange(num_videos), popular]))
    users = np.arange(len(videos)) // _WATCHES_A_USER
    times = _START + rng.integers(86_400, size=len(videos))
    directory = scratch / f"log-{num_videos}"
    directory.mkdir()
    frame = pl.DataFrame({"user_id": users, "video_id": videos, "time": times})
    frame.write_parquet(directory / "watches.parquet")
    settings = configs.DataConfig(
        source="log", dir=str(directory), protocol="leave_one_out", vocabulary="all"
    )
    return _prepared(settings, scratch / f"made-{num_videos}")


def _prepared(settings: configs.DataConfig, directory: pathlib.Path) -> Log:
    data = prepare.prepare(settings, directory)
    cases = protocol.cases(data, events.Split.TEST, configs.EvaluationConfig())
    watches = data.watches
    is_training = np.asarray(watches.splits) != events.Split.TEST
    counts = np.bincount(watches.users[is_training], minlength=len(watches.offsets) - 1)
    trained = pace.Events(
        offsets=np.append(0, np.cumsum(counts)),
        videos=np.asarray(watches.videos)[is_training].astype(np.int32),
        times=np.asarray(watches.times)[is_training].astype(np.int64),
        num_videos=data.vocabulary_size,
        asked=cases.users.astype(np.int64),
        asked_times=cases.times,
    )
    path = directory.with_suffix(".npz")
    trained.write(path)
    return Log(data, cases, path)
