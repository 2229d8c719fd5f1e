"""RecTools: the most watched."""

import datetime
from typing import Any

import polars as pl
import rectools_frames
from rectools.models import PopularModel

REQUIREMENTS = "rectools"
LACKS = "watch seconds, ranker, serving; lists for each user"
# The first is RecTools' default, of all time; then the last week, day and hours.
GRID: list[dict[str, Any]] = [{}, *({"hours": hours} for hours in (168, 24, 4, 1))]


def fit(watches: pl.DataFrame, hours: int = 0) -> Any:
    """Returns the data set and the model fitted to it."""
    period = datetime.timedelta(hours=hours) if hours else None
    return rectools_frames.fit(watches, PopularModel(period=period))


recommend = rectools_frames.recommend
