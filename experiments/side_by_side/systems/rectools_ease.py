"""RecTools: EASE."""

from typing import Any

import polars as pl
import rectools_frames
from rectools.models import EASEModel

REQUIREMENTS = "rectools"
LACKS = "watch seconds, ranker, serving; catalogues above some 30,000 videos"
# The first is RecTools' default.
GRID: list[dict[str, Any]] = [{"regularization": r} for r in (500.0, 100.0, 2_000.0)]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the data set and the model fitted to it."""
    return rectools_frames.fit(watches, EASEModel(**settings))


recommend = rectools_frames.recommend
