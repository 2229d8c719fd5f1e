"""implicit: ALS."""

from typing import Any

import matrices
import polars as pl
from implicit import als

REQUIREMENTS = "implicit"
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
GRID: list[dict[str, Any]] = [
    {},  # 100 factors, regularization 0.01, alpha 1, 15 iterations
    *(
        {"factors": factors, "regularization": weight, "alpha": alpha}
        for factors in (64, 128, 32, 16)
        for alpha, weight in ((1.0, 1.0), (5.0, 1.0), (1.0, 10.0), (20.0, 10.0))
    ),
]


def fit(watches: pl.DataFrame, **settings: Any) -> Any:
    """Returns the watches and the model fitted to them."""
    coded = matrices.Coded(watches)
    model = als.AlternatingLeastSquares(random_state=0, **settings)
    model.fit(coded.matrix, show_progress=False)
    return coded, model


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first."""
    coded, model = fitted
    rows = coded.rows(users)
    videos, _ = model.recommend(rows, coded.matrix[rows], N=k)
    return coded.lists(rows, videos)
