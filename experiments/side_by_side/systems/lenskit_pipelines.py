"""The pipeline of LensKit for lists, for systems of LensKit."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from lenskit import batch
from lenskit.data import from_interactions_df
from lenskit.pipeline import topn_pipeline


def fit(watches: pl.DataFrame, scorer: Any) -> Any:
    """Returns the pipeline trained on the watches, and the users it knows."""
    pairs = watches.select("user_id", "video_id").unique(maintain_order=True)
    columns = {"user_id": pairs["user_id"], "item_id": pairs["video_id"]}
    frame = pd.DataFrame({name: ids.to_numpy() for name, ids in columns.items()})
    pipeline = topn_pipeline(scorer)
    pipeline.train(from_interactions_df(frame, user_col="user_id", item_col="item_id"))
    return pipeline, np.unique(columns["user_id"])


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first."""
    pipeline, known = fitted
    asked = np.intersect1d(users.to_numpy(), known)
    made = batch.recommend(pipeline, asked.tolist(), n=k, n_jobs=1).to_df()
    made = made.sort_values(["user_id", "rank"])
    ids = {"user_id": made["user_id"], "video_id": made["item_id"]}
    return pl.DataFrame({name: column.to_numpy() for name, column in ids.items()})
