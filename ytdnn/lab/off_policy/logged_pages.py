"""Slates of the log with propensities.

A page counts where it is logged completely: its positions follow one another from the
first on, and every place has a propensity. Otherwise it is unknown which videos were
before a place, and so which could still be shown there.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from ytdnn.log import events, prepared

Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class LoggedPages:
    """Some pages of a split.

    Attributes:
      data: The prepared set.
      rows: `[n, places]` rows of the impression arrays in order of position, -1 behind
        the end of a page.
      num_known: Pages of the split that count, of which these were drawn.
      num_left_out: Pages that do not.
    """

    data: prepared.PreparedData
    rows: Rows
    num_known: int
    num_left_out: int

    def __len__(self) -> int:
        """Number of pages."""
        return len(self.rows)

    @property
    def is_place(self) -> npt.NDArray[np.bool_]:
        """Which places there are, `[n, places]`."""
        return self.rows >= 0

    @property
    def first_rows(self) -> Rows:
        """Row of the first place of each page, `[n]`."""
        return self.rows[:, 0]

    def values(self, name: str, missing: float = 0) -> npt.NDArray:
        """Returns an array of impressions by place, `[n, places]`.

        Args:
          name: Name of the array.
          missing: Value after the end of a page.
        """
        rows = np.maximum(self.rows, 0).ravel()
        values = self.data.log.shard_index.gather("impressions", name, rows)
        return np.where(self.is_place, values.reshape(self.rows.shape), missing)

    @property
    def requests(self) -> tuple[npt.NDArray[np.integer], Rows, Rows]:
        """Users, ends of their histories (flat positions) and times, `[n]` each."""
        index = self.data.log.shard_index
        users, num_watches, times = (
            index.gather("impressions", name, self.first_rows)
            for name in ("users", "num_watches", "request_times")
        )
        return users, index.offsets("watches")[users] + num_watches, times


def sample(
    data: prepared.PreparedData, split: events.Split, most: int, seed: int
) -> LoggedPages | None:
    """Returns pages of a split, sampled; None where no page is complete.

    Args:
      data: The prepared set.
      split: Split of the impressions.
      most: Maximum number of pages.
      seed: Seed of the sample.
    """
    if not data.log.has_impressions:
        return None
    index, table = data.log.shard_index, "impressions"
    if not (index.has(table, "propensities") and index.has(table, "positions")):
        return None
    rows = index.find(table, lambda shown: np.asarray(shown.splits) == split)
    pages = index.gather(table, "pages", rows)
    positions = index.gather(table, "positions", rows)
    order = np.lexsort((positions, pages))
    rows, pages, positions = rows[order], pages[order], positions[order]
    begins = np.diff(pages, prepend=-1) != 0
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.append(starts, len(rows)))
    first = np.repeat(positions[starts], sizes)
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    chances = index.gather(table, "propensities", rows)
    is_good = (chances > 0.0) & (positions - first == place) & np.isin(first, (0, 1))
    of_page = np.cumsum(begins) - 1
    known = np.bincount(of_page[~is_good], minlength=len(starts)) == 0
    chosen = np.flatnonzero(known)
    if not len(chosen) or not most:
        return None
    if len(chosen) > most:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    places = np.arange(sizes[chosen].max())
    inside = places < sizes[chosen, np.newaxis]
    page_rows = np.where(inside, starts[chosen, np.newaxis] + places, 0)
    return LoggedPages(
        data,
        np.where(inside, rows[page_rows], -1),
        num_known=int(known.sum()),
        num_left_out=int((~known).sum()),
    )
