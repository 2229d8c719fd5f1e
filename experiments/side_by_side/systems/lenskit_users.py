"""LensKit: user neighbours."""

from typing import Any

import lenskit_pipelines
import polars as pl
from lenskit.knn import UserKNNScorer

REQUIREMENTS = "lenskit"
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
# The first is LensKit's default.
GRID: list[dict[str, Any]] = [{"max_nbrs": n} for n in (20, 50, 100)]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the pipeline trained on the watches."""
    return lenskit_pipelines.fit(
        watches, UserKNNScorer(feedback="implicit", **settings)
    )


recommend = lenskit_pipelines.recommend
