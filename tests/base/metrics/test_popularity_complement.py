"""The popularity complement of lists, by hand."""

import numpy as np
import polars as pl

from ytdnn import configs
from ytdnn.base import registries
from ytdnn.base.metrics import catalogue, ranked_lists


def test_values_by_hand() -> None:
    lists = ranked_lists.RankedLists(
        videos=np.array([[1, 2, 3], [2, 0, 0], [0, 0, 0]], np.int32),
        hits=np.zeros((3, 3), bool),
        num_relevant=np.ones(3, np.int64),
        seconds=None,
        times=np.zeros(3, np.int64),
        train_counts=np.array([np.nan, 8.0, 4.0, 0.0, 4.0]),
        catalogue=pl.DataFrame(),
    )
    # Of the most, 8 watches: 1 - 8/8, 1 - 4/8, 1 - 0/8.
    measure = catalogue.popularity_complement
    np.testing.assert_allclose(measure(lists, 3), [0.5, 0.5, np.nan])
    np.testing.assert_allclose(measure(lists, 1), [0.0, 0.5, np.nan])


def test_it_is_named_in_a_config() -> None:
    name = "popularity_complement"
    assert configs.EvaluationConfig(metrics=(name,))
    assert registries.METRICS[name].make is catalogue.popularity_complement
