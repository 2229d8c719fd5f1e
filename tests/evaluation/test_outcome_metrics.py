"""Metrics of outcomes and trade-offs, derived by hand."""

import math
import pathlib

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.evaluation import outcome_metrics, report_types, shown_scorers
from ytdnn.lab.pages import impression_sections, page
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import predictions

OutcomesReport = report_types.OutcomesReport

_START = 1_600_000_000
_DAY = 86_400
CONFIG = configs.EvaluationConfig(num_resamples=50)
# Of two users in the test window: user, video, clicked, seconds, liked, price.
SHOWN = [
    ("u", "a", True, 30.0, True, 0.0),
    ("u", "b", False, 0.0, False, 4.0),
    ("w", "a", True, 10.0, None, 2.0),
    ("w", "b", False, 0.0, True, None),
]
LIKED = [0.9, 0.2, 0.7, 0.5]
PRICE = [1.0, 3.0, 1.0, 1.0]
SECONDS = [20.0, 5.0, 10.0, 5.0]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    log: pathlib.Path = tmp_path_factory.mktemp("log")
    watches = [
        (user, video, _START + day * _DAY)
        for day, (user, video) in enumerate([("u", "a"), ("w", "b")] * 10)
    ]
    names = ["user_id", "video_id", "time"]
    pl.DataFrame(watches, names, orient="row").write_parquet(log / "watches.parquet")
    names = ["user_id", "video_id", "clicked", "watch_seconds", "liked", "price"]
    shown = pl.DataFrame(SHOWN, names, orient="row")
    shown = shown.with_columns(time=pl.lit(_START + 19 * _DAY))
    shown.write_parquet(log / "impressions.parquet")
    config = configs.DataConfig(source="log", dir=str(log), outcomes=("price",))
    return prepare.prepare(config, log / "data")


@pytest.fixture(scope="module")
def report(data: prepared.PreparedData) -> OutcomesReport:
    shown = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    assert len(shown.rows) == len(SHOWN)
    given = predictions.Predictions(
        np.array(SECONDS),
        seconds=np.array(SECONDS),
        outcomes={"liked": np.array(LIKED), "price": np.array(PRICE)},
    )
    found = outcome_metrics.measure(
        shown,
        data.catalogue.outcomes,
        {"popularity": predictions.Predictions(np.zeros(4)), "ranker": given},
        CONFIG,
    )
    assert found is not None
    return found


def test_a_binary_outcome_counts_where_it_is_known(report: OutcomesReport) -> None:
    assert report.numbers["liked"].keys() == {"ranker"}
    values = report.numbers["liked"]["ranker"].values
    # Of likes .9 and .5 against .2.
    assert values["auc"] == 1.0
    # Within u alone: of w one is unknown, the other has no counterpart.
    assert values["grouped_auc"] == 1.0
    lost = -math.log(0.9) - math.log(0.8) - math.log(0.5)
    assert values["log_loss"] == pytest.approx(lost / 3)
    assert values["calibration_ratio"] == pytest.approx((0.9 + 0.2 + 0.5) / 2)
    assert values["rate"] == pytest.approx(2 / 3)
    tenths = report.calibration["liked"]["ranker"]
    assert [one.predicted for one in tenths] == pytest.approx([0.2, 0.5, 0.9])
    assert [one.observed[0] for one in tenths] == [0.0, 1.0, 1.0]


def test_an_amount_is_measured_by_its_error(report: OutcomesReport) -> None:
    values = report.numbers["price"]["ranker"].values
    # Of 4 and 2 against 0: 3 > 1 wins, 1 and 1 tie.
    assert values["auc"] == pytest.approx(0.75)
    assert values["mae"] == pytest.approx((1 + 1 + 1) / 3)
    assert values["calibration_ratio"] == pytest.approx(5 / 6)
    assert "log_loss" not in values


def test_trade_offs_are_shares_of_the_first_half(report: OutcomesReport) -> None:
    found = report.trade_offs
    first = found["watch_seconds 1"].values
    # First of each list is "a": all seconds, one of two likes, 2 of 6.
    assert first["watch_seconds"] == 1.0
    assert first["liked"] == pytest.approx(1 / 2)
    assert first["price"] == pytest.approx(2 / 6)
    # 40 predicted seconds against 6 of price: 6.7 is equal, and four times that puts
    # "b" of u first, by 5 + 26.8 · 3 against 20 + 26.8; "a" of w stays by its seconds.
    priced = found["watch_seconds 1, price 26.8"].values
    assert priced["price"] == 1.0
    assert priced["watch_seconds"] == pytest.approx(10 / 40)


def test_the_page_shows_them(report: OutcomesReport) -> None:
    html = page.render("title", "words", [impression_sections.outcomes(report)])
    for text in ("liked", "price", "predicted / observed"):
        assert text in html
    assert "watched seconds" not in html  # an outcome has none
    assert "watch_seconds 1, price 26.8" in html
