"""Titles of the catalogue by video id, in files that processes share.

A dict of a million videos takes 200 MB, as every text and number is a Python object.
Here a hash table of row numbers finds an id in a packed column. All are arrays: the
pages of memory-mapped files.
"""

import operator
import pathlib
import zlib
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.bundle import removed_videos
from ytdnn.log import array_files

TABLE = removed_videos.TITLES
_PACKED = "titles"  # a directory
_PER_BUCKET = 2  # videos, on average
_IDS, _TITLES = "ids", "titles"
_ROWS, _STARTS = "rows", "starts"  # of videos by bucket, and where each bucket starts
_ENDS, _MISSING = "_ends", "_missing"  # of a packed column of texts

Arrays = Mapping[str, npt.NDArray[Any]]


def pack(ids: pl.Series, titles: pl.Series | None) -> Arrays:
    """Returns titles by id as named arrays.

    Args:
      ids: Distinct ids of the videos, texts or integers.
      titles: Titles of the videos; None: no video has one.
    """
    is_text = ids.dtype == pl.String
    found = _packed(_IDS, ids) if is_text else {_IDS: ids.cast(pl.Int64).to_numpy()}
    if titles is not None:
        found |= _packed(_TITLES, titles)
    mask = (1 << max(0, len(ids) // _PER_BUCKET).bit_length()) - 1
    buckets = np.fromiter(map(_hash, ids), np.int64, len(ids)) & mask
    sizes = np.bincount(buckets, minlength=mask + 1)
    found[_ROWS] = np.argsort(buckets, kind="stable").astype(np.int32)
    found[_STARTS] = np.append(0, np.cumsum(sizes)).astype(np.int32)
    return found


def write(directory: pathlib.Path, videos: pl.DataFrame) -> None:
    """Writes the titles of a version of a bundle: a table, and packed arrays.

    Args:
      directory: Directory of the version's common files.
      videos: `video_id`, and `title` where the log has titles.
    """
    videos.write_parquet(directory / TABLE)
    (directory / _PACKED).mkdir()
    for name, values in _of_table(videos).items():
        array_files.save(directory / _PACKED / f"{name}.npy", values)


def read(directory: pathlib.Path) -> "Titles":
    """Returns the written titles, memory-mapped.

    Bundles of ytdnn 0.2 have the table alone, which is packed in memory.
    """
    packed = directory / _PACKED
    if not packed.is_dir():
        return Titles(_of_table(pl.read_parquet(directory / TABLE)))
    return Titles({path.stem: _mapped(path) for path in packed.glob("*.npy")})


def _of_table(videos: pl.DataFrame) -> Arrays:
    has_titles = schema.TITLE in videos.columns
    return pack(videos[schema.VIDEO_ID], videos[schema.TITLE] if has_titles else None)


def _mapped(path: pathlib.Path) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _hash(video_id: str | int) -> int:
    """Returns a hash that is the same in every process, unlike Python's of texts."""
    if isinstance(video_id, str):
        return zlib.crc32(video_id.encode("utf-8", "surrogatepass"))
    return zlib.crc32(video_id.to_bytes(8, "little", signed=True))


def _packed(name: str, column: pl.Series) -> dict[str, npt.NDArray[Any]]:
    """Returns a column of texts as one array of bytes, and where each text ends."""
    sizes = column.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
    ends = np.append(0, np.cumsum(sizes))
    is_small = ends[-1] <= np.iinfo(np.int32).max
    return {
        name: np.frombuffer("".join(column.fill_null("")).encode(), np.uint8),
        name + _ENDS: ends.astype(np.int32 if is_small else np.int64),
        name + _MISSING: column.is_null().to_numpy(),
    }


class Titles(Mapping[Any, str | None]):
    """A mapping from id to title, in the order of the catalogue."""

    def __init__(self, arrays: Arrays) -> None:
        """Wraps the arrays of `pack`, whose memory it shares."""
        self._is_text = _IDS + _ENDS in arrays
        self._ids = _Texts(_IDS, arrays) if self._is_text else arrays[_IDS].data
        self._titles = _Texts(_TITLES, arrays) if _TITLES in arrays else None
        self._rows, self._starts = arrays[_ROWS].data, arrays[_STARTS].data
        self._mask = len(self._starts) - 2

    def __getitem__(self, video_id: Any) -> str | None:
        """Returns the title of a video; None if it has none.

        Raises:
          KeyError: There is no such video.
        """
        row = self._row(video_id)
        if row is None:
            raise KeyError(video_id)
        return None if self._titles is None else self._titles[row]

    def __contains__(self, video_id: object) -> bool:
        """Whether there is such a video."""
        return self._row(video_id) is not None

    def __iter__(self) -> Iterator[Any]:
        """Yields the ids."""
        return (self._ids[row] for row in range(len(self)))

    def __len__(self) -> int:
        """Returns the number of videos."""
        return len(self._rows)

    def items(self) -> ItemsView[Any, str | None]:
        """Returns ids with their titles."""
        return _Items(self)

    def _row(self, video_id: Any) -> int | None:
        try:
            wanted = video_id if self._is_text else operator.index(video_id)
            bucket = _hash(wanted) & self._mask
        except (TypeError, AttributeError, OverflowError):
            return None  # of another type than the ids, or beyond 64 bits
        for place in range(self._starts[bucket], self._starts[bucket + 1]):
            row = self._rows[place]
            if self._ids[row] == wanted:
                return row
        return None

    def _pairs(self) -> Iterator[tuple[Any, str | None]]:
        for row in range(len(self)):
            yield self._ids[row], None if self._titles is None else self._titles[row]


class _Items(ItemsView[Any, str | None]):
    """Yields ids with titles without looking for them."""

    def __init__(self, titles: Titles) -> None:
        super().__init__(titles)
        self._of = titles

    def __iter__(self) -> Iterator[tuple[Any, str | None]]:
        return self._of._pairs()


class _Texts:
    """A packed column of texts."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        self._bytes, self._ends = arrays[name].data, arrays[name + _ENDS].data
        self._missing = arrays[name + _MISSING].data

    def __getitem__(self, row: int) -> str | None:
        if self._missing[row]:
            return None
        return bytes(self._bytes[self._ends[row] : self._ends[row + 1]]).decode()
