"""LensKit: implicit factorisation."""

from typing import Any

import lenskit_pipelines
import polars as pl
from lenskit.als import ImplicitMFScorer

REQUIREMENTS = "lenskit"
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
# The first is LensKit's default.
GRID: list[dict[str, Any]] = [{}, {"embedding_size": 100}, {"weight": 10.0}]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the pipeline trained on the watches."""
    return lenskit_pipelines.fit(watches, ImplicitMFScorer(**settings))


recommend = lenskit_pipelines.recommend
