"""Events as they happen, in blocks, until they become the columns of a table."""

import numpy as np


class EventRecorder:
    """One kind of event: appends blocks of columns of fixed names and types."""

    def __init__(self, dtypes: dict[str, type], optional: tuple[str, ...] = ()) -> None:
        """Starts empty.

        Args:
          dtypes: Type of each column.
          optional: Columns that are left out where no block has them.
        """
        self._dtypes = dtypes
        self._optional = optional
        self._blocks: dict[str, list[np.ndarray]] = {name: [] for name in dtypes}

    def add(self, **columns: np.ndarray) -> None:
        """Appends one block."""
        for name, values in columns.items():
            self._blocks[name].append(np.asarray(values, self._dtypes[name]))

    def columns(self) -> dict[str, np.ndarray]:
        """Returns all blocks joined, in order of `times`."""
        joined = {
            name: np.concatenate([np.empty(0, self._dtypes[name]), *blocks])
            for name, blocks in self._blocks.items()
            if blocks or name not in self._optional
        }
        order = np.argsort(joined["times"], kind="stable")
        return {name: values[order] for name, values in joined.items()}


_VISIT: dict[str, type] = {"users": np.int32, "times": np.int64, "devices": np.int8}


_WATCHES = {"logged_in": bool, "videos": np.int32, "seconds": np.float32}
_SEARCHES = {"logged_in": bool, "queries": np.int32}
_OUTCOMES = {"liked": bool, "disliked": bool}
_IMPRESSIONS: dict[str, type] = {
    "videos": np.int32,
    "clicked": bool,
    "seconds": np.float32,
    "pages": np.int64,
    "positions": np.int16,
    "sources": np.int8,
    "scores": np.float32,
    "seeds": np.int32,
    "propensities": np.float32,
}


class Events:
    """A recorder for each kind of event: `watches`, `impressions` and `searches`."""

    def __init__(self) -> None:
        """Starts empty."""
        self.watches = EventRecorder(_VISIT | _WATCHES)
        shown = _VISIT | _OUTCOMES | _IMPRESSIONS
        self.impressions = EventRecorder(shown, optional=tuple(_OUTCOMES))
        self.searches = EventRecorder(_VISIT | _SEARCHES)
