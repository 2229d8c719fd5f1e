"""The protocol `requests`: each watch of the test window is a request of its own.

A request is made at the time of its watch, with the user's history and every count up
to that second, less `evaluation.delay_seconds`; its answer is that watch. This is how a
platform asks. Watches of the same second are not before each other, and exact
duplicates are dropped. A video that the user had watched is in no list, so watching it
again is a miss, unless watched videos stay in the lists.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import configs, ragged, schema
from ytdnn.evaluation import evaluated_parts, user_cases
from ytdnn.log import events, prepared
from ytdnn.retrieval import live_counts

REQUEST_ID = "request_id"  # of a file: the flat position of the answer's watch


@dataclasses.dataclass(frozen=True)
class RequestCases:
    """The requests of a split, by user and time.

    Attributes:
      cases: One case for each request, with its watch as the answer.
      moments: `[n] int64`, the second before which events are known.
      is_repeat: `[n] bool`, whether the user had watched the answer before.
      num_watches: Number of watches that the requests are sampled from.
    """

    cases: user_cases.Cases
    moments: ragged.Integers
    is_repeat: npt.NDArray[np.bool_]
    num_watches: int

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.moments)

    @property
    def answers(self) -> npt.NDArray[np.integer]:
        """Catalogue index of each answer."""
        return self.cases.targets.values

    def counted(self, data: prepared.PreparedData) -> live_counts.CountedRequests:
        """Returns the requests for `live_counts`."""
        index, ends = data.log.shard_index, self.cases.ends
        has_last = ends > index.offsets("watches")[self.cases.users]
        last = index.gather("watches", "videos", np.maximum(ends - 1, 0))
        removed, stride = self.cases.removed, data.num_videos + 1
        pairs = np.unique(removed.rows * stride + removed.values)
        return live_counts.CountedRequests(
            moments=self.moments,
            last=np.where(has_last, last, 0),
            answers=self.answers,
            removed=ragged.from_rows(*np.divmod(pairs, stride), len(self)),
        )


def cases(
    data: prepared.PreparedData,
    split: events.Split,
    config: configs.EvaluationConfig,
    num_listed: int | None = None,
    between: tuple[int, int] = (0, 1 << 62),
) -> RequestCases | None:
    """Returns the requests of a split; None where it has none.

    Only a temporal split has moments at which a platform would ask.

    Args:
      data: The prepared set.
      split: `VALIDATION` or `TEST`.
      config: Delay and number of requests, users and videos.
      num_listed: Number of videos that the candidate model can list; None: the
        vocabulary.
      between: First second of the requests, and the second after the last.
    """
    if data.config.protocol != "temporal" or not config.num_requests:
        return None
    index = data.log.shard_index
    rows = data.windows.watches_of(split)
    at = index.gather("watches", "times", rows)
    labels = _watches(data, rows[(at >= between[0]) & (at < between[1])], config)
    number = len(labels)
    if not number:
        return None
    if number > config.num_requests:
        rng = np.random.default_rng(config.seed)
        labels = np.sort(rng.choice(labels, config.num_requests, replace=False))
    users, times, videos = (
        index.gather("watches", name, labels) for name in ("users", "times", "videos")
    )
    times = times.astype(np.int64)
    moments = times - int(config.delay_seconds)
    firsts = index.offsets("watches")[users]
    ends, until = (
        firsts + index.num_before("watches", users, at) for at in (moments, times)
    )
    before = index.watched_before(users, until)
    is_same = before.values == videos[before.rows]
    is_repeat = np.bincount(before.rows, is_same, len(labels)) > 0
    num_listed = data.vocabulary_size if num_listed is None else num_listed
    asked = user_cases.at_requests(data, (users, ends, times), config, num_listed)
    targets = ragged.Ragged(np.arange(len(labels) + 1), videos)
    asked = dataclasses.replace(asked, targets=targets, labels=labels)
    return RequestCases(asked, moments, is_repeat & config.remove_watched, number)


def frame(data: prepared.PreparedData, asked: RequestCases) -> pl.DataFrame:
    """Returns the requests for another system: `request_id`, `user_id`, `time`.

    Args:
      data: The prepared set.
      asked: The requests.
    """
    users = pl.Series(asked.cases.users, dtype=pl.UInt32)
    return pl.DataFrame(
        {
            REQUEST_ID: asked.cases.labels,
            schema.USER_ID: data.users[schema.USER_ID].gather(users),
            schema.TIME: asked.cases.times,
        }
    ).sort(schema.TIME, REQUEST_ID)


def _watches(
    data: prepared.PreparedData, rows: ragged.Integers, config: configs.EvaluationConfig
) -> ragged.Integers:
    """Returns the flat positions of those of some watches that are requests."""
    index = data.log.shard_index
    rows = rows[index.gather("watches", "are_completed", rows)]
    columns = ("users", "times", "videos")
    users, times, videos = (index.gather("watches", name, rows) for name in columns)
    keep = np.zeros(len(rows), bool)
    keep[np.unique(np.stack([users, times, videos]), axis=1, return_index=True)[1]] = 1
    return rows[keep & evaluated_parts.event_mask(data, users, videos, config)]
