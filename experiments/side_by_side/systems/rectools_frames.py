"""The data set of RecTools, for systems of RecTools."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from rectools import Columns
from rectools.dataset import Dataset


def fit(watches: pl.DataFrame, model: Any) -> Any:
    """Returns the data set of the watches and the model fitted to it."""
    columns = {
        Columns.User: watches["user_id"].to_numpy(),
        Columns.Item: watches["video_id"].to_numpy(),
        Columns.Datetime: watches["time"].to_numpy().astype("datetime64[s]"),
        Columns.Weight: 1.0,
    }
    dataset = Dataset.construct(pd.DataFrame(columns))
    return dataset, model.fit(dataset)


def recommend(fitted: Any, users: pl.Series, k: int) -> pl.DataFrame:
    """Returns the lists of users, the best video first."""
    dataset, model = fitted
    known = np.intersect1d(users.to_numpy(), dataset.user_id_map.external_ids)
    options = {"k": k, "filter_viewed": True, "on_unsupported_targets": "ignore"}
    made = model.recommend(known, dataset, **options)
    ids = {"user_id": made[Columns.User], "video_id": made[Columns.Item]}
    return pl.DataFrame({name: column.to_numpy() for name, column in ids.items()})
