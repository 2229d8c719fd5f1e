"""Events as they happen, in blocks, until they become the columns of a table."""

import dataclasses

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


def _watches() -> EventRecorder:
    columns = {"logged_in": bool, "videos": np.int32, "seconds": np.float32}
    return EventRecorder(_VISIT | columns)


def _impressions() -> EventRecorder:
    columns: dict[str, type] = {
        "liked": bool,
        "disliked": bool,
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
    return EventRecorder(_VISIT | columns, optional=("liked", "disliked"))


def _searches() -> EventRecorder:
    return EventRecorder(_VISIT | {"logged_in": bool, "queries": np.int32})


@dataclasses.dataclass(frozen=True)
class Events:
    """A recorder for each kind of event."""

    watches: EventRecorder = dataclasses.field(default_factory=_watches)
    impressions: EventRecorder = dataclasses.field(default_factory=_impressions)
    searches: EventRecorder = dataclasses.field(default_factory=_searches)
