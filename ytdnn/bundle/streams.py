"""Streams a bundle's answers for many users or videos into a frame or a file."""

import collections
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures

import polars as pl

from ytdnn.base import formats, schema
from ytdnn.bundle import bulk, bulk_ids, bulk_search, logged_requests, sink, tables
from ytdnn.bundle import bundle as bundle_room

SERVED, EXACT = "served", "exact"  # an index
_PRODUCTS_A_PART = 2_048  # users whose lists are products
_REQUESTS_A_PART = 512  # users whose lists a model makes
_VECTORS_A_PART = 8_192
# While one part is on a single core, as the choice of the best is, another has others.
_PARTS_AT_A_TIME = 2
_COSINE = "cosine of the videos' vectors without their bias, 1 at most"

Progress = Callable[[int, int], None]
"""Is told how many of how many users or videos are done."""


@dataclasses.dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes:
      path: Path of the file.
      num_asked: Number of users or videos in the file.
      num_rows: Number of rows of the file.
      seconds: Wall time of the writing.
      meanings: Meanings of its columns, by name.
      notes: Messages about ids that were left out or are unexpected.
    """

    path: pathlib.Path
    num_asked: int
    num_rows: int
    seconds: float
    meanings: dict[str, str]
    notes: list[str]


@dataclasses.dataclass(frozen=True)
class Stream:
    """Frames made one after the other.

    Attributes:
      ids: Users or videos that the frames are about.
      schema: Columns of the frames.
      make: Function that makes the frame of a part of `ids`.
      size: Number of users or videos of a frame.
      meanings: Meanings of the columns, by name.
      notes: Messages for people.
      k: Length of full lists; 0: these are no lists.
    """

    ids: bulk_ids.BulkIds
    schema: dict[str, pl.DataType]
    make: Callable[[slice], pl.DataFrame]
    size: int
    meanings: dict[str, str]
    notes: list[str] = dataclasses.field(default_factory=list)
    k: int = 0

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yields all frames in order; the next one is computed in the background."""
        waiting: collections.deque[futures.Future[pl.DataFrame]] = collections.deque()
        pool = futures.ThreadPoolExecutor(_PARTS_AT_A_TIME)
        try:
            for start in range(0, len(self.ids), self.size):
                part = slice(start, min(start + self.size, len(self.ids)))
                waiting.append(pool.submit(self.make, part))
                if len(waiting) > _PARTS_AT_A_TIME:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def whole(self) -> pl.DataFrame:
        """Returns all frames, concatenated."""
        return pl.concat([pl.DataFrame(schema=self.schema), *self.frames()])

    def write(
        self,
        path: pathlib.Path,
        progress: Progress | None = None,
        notes: Sequence[str] = (),
    ) -> Written:
        """Writes all frames into a file.

        Args:
          path: Path, as for `sink.require_path`.
          progress: Function that is called after each frame.
          notes: Messages in addition to the stream's own.
        """
        started = time.perf_counter()
        number, num_rows, num_full = len(self.ids), 0, 0

        def counted() -> Iterator[pl.DataFrame]:
            nonlocal num_rows, num_full
            for part, frame in enumerate(self.frames(), 1):
                num_rows += frame.height
                if self.k:
                    num_full += int((frame[tables.RANK] == self.k).sum())
                if progress is not None:
                    progress(min(part * self.size, number), number)
                yield frame

        sink.write(path, counted(), self.schema, self.meanings)
        told = [*self.ids.notes, *notes, *self.notes]
        if self.k and num_full < number:
            have = "list has" if number - num_full == 1 else "lists have"
            told.append(
                f"{number - num_full:,} {have} fewer than {self.k:,} videos: no more "
                f"are permitted"
            )
        seconds = time.perf_counter() - started
        return Written(path, number, num_rows, seconds, self.meanings, told)


def recommendations(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    ids: bulk_ids.BulkIds,
    k: int,
    limits: bulk.BulkFilters,
    *,
    ranker: bool = True,
    index: str = "",
) -> Stream:
    """Returns the lists of users: `user_id`, `rank`, `video_id`, `title`, `score`, ….

    Args:
      bundle: The models.
      logged: The users.
      ids: Users to list videos for.
      k: Length of the lists.
      limits: Videos that the lists may hold.
      ranker: Whether the ranker, if there is one, orders the lists; else they are the
        candidates by their scores.
      index: `served` or `exact`; empty: `served` with the ranker, and `exact` without,
        which in batches costs no more.
    """
    ranker = ranker and bundle.has_ranker
    number = bundle.manifest.facts["num_candidates" if ranker else "videos"]
    notes = _cold(logged, ids)
    if k > number:
        what = "candidates" if ranker else "videos with a vector"
        notes.append(
            f"{k:,} videos requested per user, only {number:,} {what} available"
        )
        k = number
    if ranker:
        make = bulk.recommended(bundle, logged, k, limits, index == EXACT)
    elif index == SERVED and bundle_room.INDEX in bundle.manifest.facts["models"]:
        make = bulk.of_index(bundle, logged, k, limits)
    else:
        make = bulk.nearest(bundle, logged, k, limits)
    size = _REQUESTS_A_PART if ranker else _PRODUCTS_A_PART
    meanings = {schema.SCORE: bundle_room.DOT_PRODUCT}
    if ranker:
        meanings = bundle.meanings
    columns = tables.schema_of_lists(bundle, ids.ids, schema.VIDEO_ID, meanings)
    frame = _lists(bundle, ids, make, schema.VIDEO_ID)
    return Stream(ids, columns, frame, size, meanings, notes, k)


def _cold(logged: logged_requests.LoggedRequests, ids: bulk_ids.BulkIds) -> list[str]:
    """Returns a message about users without a watch, if there are any."""
    number = int((logged.num_watches(ids.indices) == 0).sum())
    if not number:
        return []
    return [
        f"{formats.counted(number, 'user')} without a watch: recommended from an "
        f"empty history"
    ]


def similar(
    bundle: bundle_room.Bundle, ids: bulk_ids.BulkIds, k: int, by: str = ""
) -> Stream:
    """Returns the most similar videos: `video_id`, `rank`, `similar_video_id`, ….

    Args:
      bundle: The models.
      ids: Videos with a vector.
      k: Length of the lists.
      by: Column of the log's own vectors; empty: the vectors of the index.
    """
    most = int(bundle.manifest.facts["videos"]) - 1
    if by:
        most = int(bundle.vectors.rows(by)[1:].any(axis=1).sum()) - 1
    notes = []
    if k > most:
        notes.append(
            f"{k:,} videos requested per video, only {most:,} others available"
        )
    k = min(k, most)
    make = bulk.similar(bundle, k, by)
    columns = tables.schema_of_lists(bundle, ids.ids, tables.SIMILAR_VIDEO_ID)
    frame = _lists(bundle, ids, make, tables.SIMILAR_VIDEO_ID)
    meanings = {schema.SCORE: f"cosine of the vectors in {by}" if by else _COSINE}
    return Stream(ids, columns, frame, _PRODUCTS_A_PART, meanings, notes, k)


def _lists(
    bundle: bundle_room.Bundle,
    ids: bulk_ids.BulkIds,
    make: bulk.Maker,
    video: str,
) -> Callable[[slice], pl.DataFrame]:
    """Returns the function that makes the frame of a part of `ids`."""

    def frame(part: slice) -> pl.DataFrame:
        found = make(ids.indices[part])
        return tables.of_lists(bundle, ids.ids[part], found, video)

    return frame


def user_vectors(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    ids: bulk_ids.BulkIds,
) -> Stream:
    """Returns the vectors of users: `user_id`, `vector`."""
    vectors = bulk_search.UserVectors(bundle, logged)

    def frame(part: slice) -> pl.DataFrame:
        return tables.of_vectors(ids.ids[part], vectors(ids.indices[part]))

    return _vectors(bundle, ids, frame, _cold(logged, ids))


def video_vectors(bundle: bundle_room.Bundle, ids: bulk_ids.BulkIds) -> Stream:
    """Returns the vectors of videos: `video_id`, `vector`."""
    vectors = bundle.video_vectors()

    def frame(part: slice) -> pl.DataFrame:
        return tables.of_vectors(ids.ids[part], vectors[ids.indices[part] - 1])

    return _vectors(bundle, ids, frame, [])


def _vectors(
    bundle: bundle_room.Bundle,
    ids: bulk_ids.BulkIds,
    frame: Callable[[slice], pl.DataFrame],
    notes: list[str],
) -> Stream:
    columns = tables.schema_of_vectors(ids.ids, bundle.vector_dim)
    meanings = {tables.VECTOR: _vector_meaning(bundle)}
    return Stream(ids, columns, frame, _VECTORS_A_PART, meanings, notes)


def _vector_meaning(bundle: bundle_room.Bundle) -> str:
    places = ", ".join(str(1 + i % bundle.vector_dim) for i in bundle.bias_coordinates)
    return (
        f"{bundle.vector_dim} of float32; user · video is the candidate score; "
        f"coordinate {places} is a video's bias, and 1 of every user"
    )
