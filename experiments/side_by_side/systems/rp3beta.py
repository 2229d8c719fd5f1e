"""RP3β."""

from typing import Any

import matrices
import numpy as np
import polars as pl
from scipy import sparse

REQUIREMENTS = "implicit"  # SciPy is all it needs
LACKS = "watch seconds, ranker, serving; new videos only after a fit"
GRID: list[dict[str, Any]] = [{"beta": beta} for beta in (0.6, 0.3, 0.0, 0.9)]


def fit(watches: pl.DataFrame, beta: float) -> Any:
    """Returns the watches and where walks between videos end (Paudel, 2017)."""
    coded = matrices.Coded(watches)
    seen = coded.matrix.sign()
    of_users, of_videos = (np.asarray(seen.sum(axis)).ravel() for axis in (1, 0))
    there = sparse.diags(1.0 / of_videos) @ seen.T
    back = sparse.diags(1.0 / of_users) @ seen @ sparse.diags(of_videos**-beta)
    return coded, seen, (there @ back).tocsr()


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first."""
    coded, seen, ends = fitted
    rows = coded.rows(users)
    found = []
    for start in range(0, len(rows), 1_000):
        own = seen[rows[start : start + 1_000]]
        scores = (own @ ends).toarray()
        scores[own.nonzero()] = -np.inf
        found.append(matrices.best(scores, k))
    return coded.lists(rows, np.concatenate(found))
