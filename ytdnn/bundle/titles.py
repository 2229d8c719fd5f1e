"""Titles of the catalogue by video id, in little memory."""

from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

_PER_BUCKET = 2  # videos, on average


class Titles(Mapping[Any, str | None]):
    """A mapping from id to title, in the order of the catalogue, in little memory.

    A dict of a million videos takes 200 MB, as every text and number is a Python
    object. Here a hash table of row numbers finds an id in a packed column.
    """

    def __init__(self, ids: pl.Series, titles: pl.Series | None) -> None:
        """Indexes the ids.

        Args:
          ids: Distinct ids of the videos, texts or integers.
          titles: Titles of the videos; None: no video has one.
        """
        is_text = ids.dtype == pl.String
        self._ids = _Texts(ids) if is_text else ids.to_numpy().data
        self._titles = None if titles is None else _Texts(titles)
        self._mask = (1 << max(0, len(ids) // _PER_BUCKET).bit_length()) - 1
        buckets = np.fromiter(map(hash, ids), np.int64, len(ids)) & self._mask
        self._rows = np.argsort(buckets, kind="stable").astype(np.int32).data
        sizes = np.bincount(buckets, minlength=self._mask + 1)
        self._starts = np.append(0, np.cumsum(sizes)).astype(np.int32).data

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

    def _row(self, video_id: object) -> int | None:
        bucket = hash(video_id) & self._mask
        for place in range(self._starts[bucket], self._starts[bucket + 1]):
            row = self._rows[place]
            if self._ids[row] == video_id:
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
    """A column of texts, stored as one byte string."""

    def __init__(self, column: pl.Series) -> None:
        sizes = column.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
        ends = np.append(0, np.cumsum(sizes))
        is_small = ends[-1] <= np.iinfo(np.int32).max
        self._ends = ends.astype(np.int32 if is_small else np.int64).data
        self._missing = column.is_null().to_numpy().tobytes()
        self._bytes = "".join(column.fill_null("")).encode()

    def __getitem__(self, row: int) -> str | None:
        if self._missing[row]:
            return None
        return self._bytes[self._ends[row] : self._ends[row + 1]].decode()
