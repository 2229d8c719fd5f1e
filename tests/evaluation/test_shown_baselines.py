"""Counts of earlier impressions: recounted in Python, planted, and on a real log."""

import pathlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.evaluation import (
    best_baselines,
    impression_metrics,
    shown_baselines,
    shown_lists,
    shown_scorers,
)
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import predictions
from ytdnn.retrieval import impression_rates

CONFIG = configs.EvaluationConfig(num_resamples=50)
_VIDEOS = 3


def _fake(shown: events.Impressions, cut: int) -> Any:
    """Returns a set of two shards that only counts can read."""
    fields = {k: v for k, v in vars(shown).items() if v is not None}
    shards = [
        events.Impressions(**{k: v[part] for k, v in fields.items()})
        for part in (slice(0, cut), slice(cut, None))
    ]
    reads = [
        types.SimpleNamespace(read=lambda s=s: types.SimpleNamespace(impressions=s))
        for s in shards
    ]
    index = types.SimpleNamespace(
        gather=lambda table, name, rows: np.asarray(getattr(shown, name))[rows]
    )
    log = types.SimpleNamespace(shards=reads, shard_index=index)
    return types.SimpleNamespace(log=log, num_videos=_VIDEOS)


_EVENTS = st.tuples(
    st.integers(1, _VIDEOS), st.integers(0, 12), st.booleans(), st.integers(0, 4)
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_EVENTS, min_size=1, max_size=25),
    st.integers(0, 25),
    st.integers(0, 4),
    st.sampled_from(impression_rates.SMOOTHINGS),
    st.data(),
)
def test_no_count_sees_its_own_event_or_a_later_one(
    rows: list[tuple[int, int, bool, int]],
    cut: int,
    delay: int,
    smoothing: float,
    drawn: st.DataObject,
) -> None:
    videos, times, clicked, pages = map(np.array, zip(*rows, strict=True))
    seconds = np.where(clicked, 7.0 + times, 0.0)
    shown = events.Impressions(
        users=np.zeros(len(rows), np.int32),
        videos=videos,
        times=times,
        clicked=clicked,
        pages=pages,
        splits=np.zeros(len(rows), np.uint8),
        num_watches=np.zeros(len(rows), np.int64),
        seconds=seconds,
    )
    places = st.sets(st.integers(0, len(rows) - 1), min_size=1)
    asked = np.array(sorted(drawn.draw(places)))
    found = shown_baselines.count(_fake(shown, min(cut, len(rows))), asked, delay)
    opened = [
        min(t for t, p in zip(times, pages, strict=True) if p == q) for q in pages
    ]
    start = min(opened[row] for row in asked) - delay

    def recount(moment: int, video: int | None) -> tuple[float, float, int]:
        before = [
            row
            for row in range(len(rows))
            if times[row] < moment and video in (None, videos[row])
        ]
        return (
            sum(bool(clicked[row]) for row in before),
            sum(seconds[row] for row in before),
            len(before),
        )

    clicks, watched, number = recount(start, None)
    rate, mean = clicks / max(number, 1), watched / max(number, 1)
    for name in shown_baselines.NAMES:
        values = found.value(name, asked, smoothing)
        for value, row in zip(values, asked, strict=True):
            moment = start if name.endswith("_frozen") else opened[row] - delay
            clicks, watched, number = recount(moment, videos[row])
            above, below = watched + smoothing * mean, number + smoothing
            if name.startswith("click_rate"):
                above = clicks + smoothing * rate
            if name.startswith("odds"):
                below = number - clicks + smoothing * (1.0 - rate)
                above, below = max(above, 1e-6), max(below, 1e-6)
            assert value == pytest.approx(above / below, abs=1e-9), name


# Click rate and seconds of a click. By rate a > b > c > d; by seconds of an impression,
# 3, 6, 9 and 12, the other way round; by seconds over impressions without a click, 30,
# 15, 10.6 and 12.5, a > b > d > c.
_WORLD = {"a": (0.9, 3.3), "b": (0.6, 10.0), "c": (0.15, 60.0), "d": (0.04, 300.0)}
# By rate b > d > a > c, by seconds c > a > d > b: no count of before orders so.
_TURNED = {"a": (0.15, 600.0), "b": (0.9, 33.0), "c": (0.04, 3e3), "d": (0.6, 1e2)}
_BY_ODDS = {"a": (0.9, 30.0), "b": (0.9, 20.0), "c": (0.9, 1.0), "d": (0.9, 10.0)}


def _planted(directory: pathlib.Path, later: dict[str, Any]) -> prepared.PreparedData:
    """Returns a log in which all videos are shown to six users, and test is `later`."""
    rng, rows = np.random.default_rng(0), []
    for time in range(20, 100):
        for user in range(6):
            for name, (rate, seconds) in (_WORLD if time < 70 else later).items():
                clicked = bool(rng.random() < rate)
                rows.append((f"u{user}", name, time, clicked, seconds * clicked))
    return logged.prepared_data(directory, rows)


@pytest.mark.parametrize(
    ("later", "by_clicks", "by_seconds"),
    [
        (_WORLD, "click_rate", "mean_seconds"),
        (_TURNED, "click_rate", ""),
        (_BY_ODDS, "", "odds"),
    ],
)
def test_each_count_is_found_where_it_is_right(
    tmp_path: pathlib.Path, later: dict[str, Any], by_clicks: str, by_seconds: str
) -> None:
    data = _planted(tmp_path, later)
    shown = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    scorers = shown_baselines.scorers(data, events.Split.TEST, CONFIG)
    predicted = {name: score(shown) for name, score in scorers.items()}
    same = np.full(len(shown.rows), 0.5)
    predicted["ranker"] = predictions.Predictions(same, same, same)
    measured = {
        name: impression_metrics.measure(shown, one, CONFIG)
        for name, one in predicted.items()
    }
    entries, parts = ({k: v[i] for k, v in measured.items()} for i in (0, 1))
    found = best_baselines.compare(shown, predicted, entries, parts, CONFIG)
    assert found["clicks"].name.startswith(by_clicks)
    assert found["seconds"].name.startswith(by_seconds)
    if later is _TURNED:  # only who goes on counting can know
        assert not any(one.name.endswith("_frozen") for one in found.values())
    for kind, best in found.items():
        judge, entry = best.judge, entries[best.name].values
        value, low, high = best.ahead[judge]
        assert low <= value <= high < 0.0, kind
        assert value == pytest.approx(0.5 - entry[judge])
        of_kind = set(best_baselines.METRICS[kind])
        assert set(best.ahead) == of_kind & set(entry)
        # What judges clicks is not told of an order by seconds, nor the other way.
        assert not set(entry) & set().union(*best_baselines.METRICS.values()) - of_kind
    ordered = shown_lists.measure(
        data.log, shown, {k: v.order for k, v in predicted.items()}, CONFIG
    )
    assert ordered is not None
    assert {"mean_seconds", "odds_frozen"} <= set(ordered.ahead)


def test_without_watch_time_only_the_click_rate_is_counted() -> None:
    assert impression_rates.kinds(has_seconds=False) == ["click_rate"]


def test_smoothing_is_what_orders_validation_best(tmp_path: pathlib.Path) -> None:
    # Before validation "a" was clicked 1 of 1, "b" 24 of 30, the rest 0 of 30; on
    # validation "b" is clicked and "a" is not: the mean must weigh more than 1.
    rows = [("u0", "a", 30, True, 5.0)]
    rows += [("u1", "b", 31 + t, t < 24, 5.0 * (t < 24)) for t in range(30)]
    rows += [("u2", "c", 31 + t, False, 0.0) for t in range(30)]
    for user in ("u0", "u1"):
        rows += [(user, "a", 68, False, 0.0), (user, "b", 68, True, 9.0)]
    data = logged.prepared_data(tmp_path, [*rows, *logged.TEST])
    shown = shown_scorers.SplitImpressions(data.log, events.Split.VALIDATION)
    counted = shown_baselines.count(data, shown.rows)
    # (1 + .41 s) / (1 + s) < (24 + .41 s) / (30 + s) from s = 3 on; 10 is asked first.
    found = shown_baselines.best_smoothing("click_rate_frozen", shown, counted)
    assert found == 10.0
    rates = {
        s: counted.value("click_rate_frozen", shown.rows, s) for s in (1.0, 3.0, 10.0)
    }
    is_a = shown.videos == fakes.index_of(data, "a")
    assert (rates[1.0][is_a] > 0.7).all()
    assert (rates[10.0][is_a] < rates[10.0][~is_a]).all()


def test_counts_of_news_are_those_counted_by_hand(
    shared_data: Callable[[str], pathlib.Path], tmp_path: pathlib.Path
) -> None:
    # By an independent count, smoothed by ten: see the README of the data.
    source = shared_data("mind-sample")
    for table in ("watches", "impressions"):
        frame = pl.read_parquet(source / f"{table}.parquet")
        frame = frame.rename({"news_id": "video_id"})
        frame.write_parquet(tmp_path / f"{table}.parquet")
    config = configs.DataConfig(
        source="log", dir=str(tmp_path), test_from="2019-11-12T08:25:29+00:00"
    )
    data = prepare.prepare(config, tmp_path / "data")
    shown = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    counted = shown_baselines.count(data, shown.rows)
    for name, expected in {
        "click_rate": (0.676, 0.621),
        "click_rate_frozen": (0.619, 0.572),
    }.items():
        one = counted.score(name, 10.0, shown)
        entry, _ = impression_metrics.measure(shown, one, CONFIG)
        found = [entry.values[metric] for metric in ("auc", "grouped_auc")]
        assert found == pytest.approx(expected, abs=0.01), name
