"""The videos most watched on the last day of training, as a candidate model."""

import numpy as np
import polars as pl

from ytdnn import registries


@registries.CANDIDATE_MODELS.register("last_day")
class LastDay:
    """One list for all users; watched videos are removed by ytdnn."""

    def __init__(self, config):
        pass

    def fit(self, data):
        """Counts the watches of the last day."""
        last = data.watches["time"].max()
        recent = data.watches.filter(pl.col("time") > last - 86_400)
        counts = np.bincount(recent["video"], minlength=data.videos.height)
        self.order = np.argsort(-counts, kind="stable")

    def recommend(self, requests, k):
        """Returns the most watched for each request."""
        return np.tile(self.order[:k], (len(requests), 1))
