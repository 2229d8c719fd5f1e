"""RecTools: iALS."""

from typing import Any

import polars as pl
import rectools_frames
from implicit.als import AlternatingLeastSquares
from rectools.models import ImplicitALSWrapperModel

REQUIREMENTS = "rectools"
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
GRID: list[dict[str, Any]] = [{}]  # of ALS itself, which is tuned as implicit's


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the data set and the model fitted to it."""
    model = AlternatingLeastSquares(random_state=0, **settings)
    return rectools_frames.fit(watches, ImplicitALSWrapperModel(model))


recommend = rectools_frames.recommend
