"""Metrics of lists by name: their records, and one of a package in a report."""

import pathlib

import numpy as np
import polars as pl
import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.base.metrics import (
    metric_names,
    ranked_lists,
    recall_and_ndcg,
    watch_time_of_hits,
)
from ytdnn.evaluation import terminal

LISTS = ranked_lists.RankedLists(
    videos=np.array([[1, 2, 0], [3, 1, 2], [0, 0, 0]], np.int32),
    hits=np.zeros((3, 3), bool),
    num_relevant=np.ones(3, np.int64),
    seconds=None,
    times=np.zeros(3, np.int64),
    train_counts=np.array([np.nan, 4.0, 12.0, 8.0]),
    catalogue=pl.DataFrame(),
)


def test_the_metrics_of_every_report_keep_their_order() -> None:
    assert list(recall_and_ndcg.METRICS) == [
        "recall",
        "precision",
        "hit_rate",
        "map",
        "ndcg",
        "mrr",
    ]
    assert [
        *recall_and_ndcg.METRICS,
        *watch_time_of_hits.METRICS,
    ] == metric_names.defaults()


@pytest.mark.parametrize("name", registries.METRICS.own())
def test_a_record_holds_the_words(name: str) -> None:
    part = registries.METRICS[name]
    assert metric_names.title(f"{name}@10") == f"{part.title}@10"
    assert metric_names.text(name) == part.text
    assert len(part.text) > 20
    assert f"{name}: " in terminal.explain()


def test_an_unknown_metric_is_answered_with_those_known() -> None:
    with pytest.raises(errors.UserError, match=r"a metric \(.*ndcg.*mean ndcg\?"):
        configs.EvaluationConfig(metrics=("ndcgg",))


def test_a_metric_of_a_package_is_measured(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path):
        assert configs.EvaluationConfig(metrics=("tail_share",))
        metric = registries.METRICS["tail_share"]
        assert metric.make(LISTS, 2).tolist()[:2] == [0.5, 1.0]
        assert np.isnan(metric.make(LISTS, 2)[2])
        assert metric_names.title("tail_share@10") == "share of the tail@10"
        assert "fewer than ten" in terminal.explain()
