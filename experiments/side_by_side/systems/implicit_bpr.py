"""implicit: BPR."""

from typing import Any

import matrices
import polars as pl
from implicit import bpr

REQUIREMENTS = "implicit"
LACKS = "watch seconds, ranker, serving; new videos and users only after a fit"
GRID: list[dict[str, Any]] = [
    {},  # 100 factors, learning rate 0.01, regularization 0.01, 100 iterations
    *(
        {"factors": factors, "learning_rate": rate, "iterations": iterations}
        for factors in (64, 128)
        for rate, iterations in ((0.05, 100), (0.1, 100), (0.05, 300))
    ),
]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the watches and the model fitted to them."""
    coded = matrices.Coded(watches)
    model = bpr.BayesianPersonalizedRanking(random_state=0, **settings)
    model.fit(coded.matrix, show_progress=False)
    return coded, model


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first."""
    coded, model = fitted
    rows = coded.rows(users)
    videos, _ = model.recommend(rows, coded.matrix[rows], N=k)
    return coded.lists(rows, videos)
