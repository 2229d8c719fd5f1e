"""Novelty of lists, by hand."""

import numpy as np
import polars as pl

from ytdnn import configs, registries
from ytdnn.metrics import novelty, ranked_lists


def test_bits_by_hand() -> None:
    lists = ranked_lists.RankedLists(
        videos=np.array([[1, 2, 3], [2, 0, 0], [0, 0, 0]], np.int32),
        hits=np.zeros((3, 3), bool),
        num_relevant=np.ones(3, np.int64),
        seconds=None,
        times=np.zeros(3, np.int64),
        train_counts=np.array([np.nan, 8.0, 4.0, 0.0, 4.0]),
        catalogue=pl.DataFrame(),
    )
    # Of 16 watches: 8 are 1 bit, 4 are 2 bits, none counts as one, 4 bits.
    np.testing.assert_allclose(novelty.novelty(lists, 3), [7 / 3, 2.0, np.nan])
    np.testing.assert_allclose(novelty.novelty(lists, 1), [1.0, 2.0, np.nan])


def test_it_is_named_in_a_config() -> None:
    assert configs.EvaluationConfig(metrics=("novelty",))
    assert registries.METRICS["novelty"].make is novelty.novelty
