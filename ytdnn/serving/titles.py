"""Titles of the catalogue by video id, in little memory."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

Id = str | int


class Titles(Mapping[Any, str | None]):
    """Titles by id, as a dict would have them, in the order of the catalogue.

    A dict of a million videos takes 200 MB; here ids are found by their sorted hashes,
    12 bytes a video beside the columns.
    """

    def __init__(self, ids: pl.Series, titles: pl.Series | None) -> None:
        """Takes the columns.

        Args:
          ids: Ids of the videos, each once.
          titles: Their titles; None: no video has one.
        """
        self._ids, self._titles = ids, titles
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]

    def __getitem__(self, video_id: Any) -> str | None:
        """Returns the title of a video, None where it has none.

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
        return iter(self._ids)

    def __len__(self) -> int:
        """Returns the number of videos."""
        return len(self._ids)

    def _row(self, video_id: object) -> int | None:
        wanted = hash(video_id)
        place = int(np.searchsorted(self._hashes, wanted))
        while place < len(self._hashes) and self._hashes[place] == wanted:
            row = int(self._order[place])
            if self._ids[row] == video_id:
                return row
            place += 1
        return None
