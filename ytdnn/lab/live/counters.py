"""An arm that counts what its users do, in a live state as that of `ytdnn serve`."""

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from ytdnn.base import registries, schema
from ytdnn.bundle import bundle

_REQUEST_ID = "request_id"  # of `POST /events`
_SUFFIX = re.compile(r"(_\d+)?:\d+$")  # of the name of a variable


class ArmCounters:
    """The live state of an arm, counted into the recommender that it serves."""

    def __init__(self, place: pathlib.Path) -> None:
        """Opens the state, or makes it.

        Args:
          place: Path of its file.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        self._state = registries.HOOKS["live_state"].make(str(place))

    def serve(self, workdir: pathlib.Path, opened: bundle.Bundle, moment: int) -> None:
        """Counts the log of a run whose bundle is served from now on.

        Args:
          workdir: Directory of the run.
          opened: Its bundle.
          moment: First second that counts are as of.

        Raises:
          errors.UserError: The bundle has neither counters nor live terms.
        """
        self._state.open(workdir, opened, moment)
        self._variables = opened.model(opened.recommender()).variables  # type: ignore[attr-defined]

    def post(self, tables: Mapping[str, pl.DataFrame], received: int) -> None:
        """Adds events to the state; those that are in it count once.

        Args:
          tables: Tables of the event log, in order of time.
          received: Seconds since 1970.
        """
        self._state.post(posted(tables), received)

    def count(self, moment: int) -> None:
        """Counts the events before a moment into the recommender."""
        values = self._state.at(moment)
        for variable in self._variables:
            name = _SUFFIX.sub("", variable.name)
            if name in values:
                variable.assign(values[name])


def posted(tables: Mapping[str, pl.DataFrame]) -> Iterator[dict[str, Any]]:
    """Yields the rows of tables as the events that clients of a server post.

    A watch of a slate names the request of the slate, as the click that it is.

    Args:
      tables: Tables of the event log, in order of time.
    """
    page = pl.col(schema.PAGE_ID).cast(pl.String).alias(_REQUEST_ID)
    shown = tables[schema.IMPRESSIONS].with_columns(page).drop(schema.PAGE_ID)
    pair = [schema.USER_ID, schema.VIDEO_ID]
    clicked = shown.filter(schema.CLICKED).select(*pair, schema.TIME, _REQUEST_ID)
    watches = tables[schema.WATCHES].join_asof(
        clicked, on=schema.TIME, by=pair, check_sortedness=False
    )
    kinds = {"impression": shown, "watch": watches, "search": tables[schema.SEARCHES]}
    for kind, frame in kinds.items():
        for row in frame.iter_rows(named=True):
            yield {"kind": kind} | row
