"""Streams a bundle's answers for many users or videos into a frame or a file.

A file is written in bounded memory under a temporary name and then renamed: a run that
is killed leaves the earlier file, and readers never see a part.
"""

import collections
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures

import polars as pl
from polars.io import plugins

from ytdnn.base import errors, formats, ragged, schema, whole_files
from ytdnn.bundle import answer_frames, bulk, bulk_ids, user_requests
from ytdnn.bundle import bundle as bundles

Bundle = bundles.Bundle
BulkIds = bulk_ids.BulkIds

PARQUET = (".parquet", ".pq")
CSV = (".csv",)
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
class OutputFile:
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

    ids: BulkIds
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
            for part in ragged.slices(len(self.ids), self.size):
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

    def write(self, path: pathlib.Path, progress: Progress | None = None) -> OutputFile:
        """Writes all frames into a file.

        Args:
          path: Path, as for `require_path`.
          progress: Function that is called after each frame.
        """
        started = time.perf_counter()
        number, num_rows, num_full = len(self.ids), 0, 0

        def counted() -> Iterator[pl.DataFrame]:
            nonlocal num_rows, num_full
            for part, frame in enumerate(self.frames(), 1):
                num_rows += frame.height
                if self.k:
                    num_full += int((frame[schema.RANK] == self.k).sum())
                if progress is not None:
                    progress(min(part * self.size, number), number)
                yield frame

        _write(path, counted(), self.schema, self.meanings)
        told = [*self.ids.notes, *self.notes]
        if self.k and num_full < number:
            short = formats.counted(number - num_full, "list")
            told.append(f"{short} of fewer than {self.k:,} videos, as no more may be")
        seconds = time.perf_counter() - started
        return OutputFile(path, number, num_rows, seconds, self.meanings, told)


def recommendations(
    bundle: Bundle,
    logged: user_requests.LoggedRequests,
    ids: BulkIds,
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
      index: `served` or `exact`, of the recommender; candidates without the ranker of
        a bundle are exact products, which in batches cost no more; live terms are in
        them only if the bundle has no ranker.

    Raises:
      errors.UserError: There are caps or weights, but no ranker is asked for.
    """
    has_caps = bool(limits.request.get(schema.MAX_PER_COLUMNS))
    by_ranker = ranker and bundle.has_ranker
    for key in (schema.MAX_PER, schema.ORDER_WEIGHTS):
        is_given = limits.request.get(schema.SHORT_KEYS[key])
        if is_given and bundle.has_ranker and not ranker:
            raise errors.UserError(
                f"expected no {key} without the ranker, received some: leave them out, "
                f"or let the ranker order the lists"
            )
    # Without a ranker in the bundle, the recommender's lists are candidates.
    is_live = bundle.meanings[schema.SCORE] != bundles.DOT_PRODUCT
    errors.require_known([index] * bool(index), (SERVED, EXACT), "an index", "index")
    asks_model = has_caps or is_live or index == SERVED
    by_model = by_ranker or (not bundle.has_ranker and asks_model)
    number = bundle.manifest.facts["num_candidates" if by_model else "videos"]
    notes = []
    if without := int((logged.num_watches(ids.indices) == 0).sum()):
        users = formats.counted(without, "user")
        notes = [f"{users} without a watch: recommended from an empty history"]
    if k > number:
        what = "candidates" if by_model else "videos with a vector"
        notes.append(f"{k:,} videos requested per user, only {number:,} {what} exist")
        k = number
    if by_model:
        is_exact = index == EXACT or not (by_ranker or index == SERVED)
        make = bulk.recommend(bundle, logged, k, limits, is_exact)
    else:
        make = bulk.nearest(bundle, logged, k, limits)
    size = _REQUESTS_A_PART if by_model else _PRODUCTS_A_PART
    meanings = bundle.meanings if by_model else {schema.SCORE: bundles.DOT_PRODUCT}
    columns = answer_frames.schema_of_lists(bundle, ids.ids, schema.VIDEO_ID, meanings)
    frame = _lists(bundle, ids, make, schema.VIDEO_ID)
    return Stream(ids, columns, frame, size, meanings, notes, k)


def similar(bundle: Bundle, ids: BulkIds, k: int, by: str = "") -> Stream:
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
        notes = [f"{k:,} videos requested per video, only {most:,} others exist"]
    k = min(k, most)
    make = bulk.similar(bundle, k, by)
    columns = answer_frames.schema_of_lists(
        bundle, ids.ids, answer_frames.SIMILAR_VIDEO_ID
    )
    frame = _lists(bundle, ids, make, answer_frames.SIMILAR_VIDEO_ID)
    meanings = {schema.SCORE: f"cosine of the vectors in {by}" if by else _COSINE}
    return Stream(ids, columns, frame, _PRODUCTS_A_PART, meanings, notes, k)


def _lists(
    bundle: Bundle, ids: BulkIds, make: bulk.Maker, video: str
) -> Callable[[slice], pl.DataFrame]:
    """Returns the function that makes the frame of a part of `ids`."""

    def frame(part: slice) -> pl.DataFrame:
        videos = make(ids.indices[part])
        return answer_frames.from_lists(bundle, ids.ids[part], videos, video)

    return frame


def user_vectors(
    bundle: Bundle, logged: user_requests.LoggedRequests, ids: BulkIds
) -> Stream:
    """Returns the vectors of users: `user_id`, `vector`."""
    return _vectors(bundle, ids, bulk.user_vectors(bundle, logged))


def video_vectors(bundle: Bundle, ids: BulkIds) -> Stream:
    """Returns the vectors of videos: `video_id`, `vector`."""
    vectors = bundle.video_vectors()
    return _vectors(bundle, ids, lambda videos: vectors[videos - 1])


def _vectors(
    bundle: Bundle, ids: BulkIds, vectors: Callable[[bulk.Indices], bulk.Vectors]
) -> Stream:
    dim = bundle.vector_dim
    places = ", ".join(str(1 + i % dim) for i in bundle.bias_coordinates)
    meaning = (
        f"{dim} of float32; user · video is the candidate score; coordinate {places} "
        f"is a video's bias, and 1 of every user"
    )

    def frame(part: slice) -> pl.DataFrame:
        return answer_frames.from_vectors(ids.ids[part], vectors(ids.indices[part]))

    width = pl.Array(pl.Float32, dim)
    columns = {ids.ids.name: ids.ids.dtype, answer_frames.VECTOR: width}
    return Stream(ids, columns, frame, _VECTORS_A_PART, {answer_frames.VECTOR: meaning})


def require_path(path: pathlib.Path, formats: tuple[str, ...] = PARQUET + CSV) -> None:
    """Checks that a file can be written, before the work starts.

    Args:
      path: The file; missing directories above it are created.
      formats: Accepted suffixes.

    Raises:
      errors.UserError: The path has another suffix, is a directory, or cannot be
        written.
    """
    if path.suffix.lower() not in formats:
        shown = "a .parquet file" if formats == PARQUET else "a .parquet or .csv file"
        raise errors.UserError(f"expected {shown} to write, received {path}")
    if path.is_dir():
        raise errors.UserError(f"expected a file to write, found a directory: {path}")
    try:
        target = whole_files.real(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        whole_files.partial_name(target).touch()
        whole_files.partial_name(target).unlink()
    except OSError as error:
        raise errors.UserError(
            f"could not write {path}: {error.strerror}: give a directory that may be "
            f"written to"
        ) from None


def _write(
    path: pathlib.Path,
    frames: Iterator[pl.DataFrame],
    columns: Mapping[str, pl.DataType],
    meanings: Mapping[str, str],
) -> None:
    """Writes frames one after the other, in the order they come.

    Args:
      path: See `require_path`.
      frames: Frames with the same schema.
      columns: Schema of the frames.
      meanings: Meanings of columns by name, metadata of a Parquet file.
    """

    def source(*pushed_down: object) -> Iterator[pl.DataFrame]:
        del pushed_down  # a sink asks for all columns and rows
        return frames

    rows = plugins.register_io_source(source, schema=columns)
    with whole_files.whole_file(path) as partial:
        if path.suffix.lower() in CSV:
            rows.sink_csv(partial)
        else:
            rows.sink_parquet(partial, metadata=dict(meanings))
        whole_files.flush(partial)
