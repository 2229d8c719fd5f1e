"""Counters of videos, channels and topics, by hand and as every feature."""

import pathlib
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from tests import full_log
from tests.features import statistics_contract
from ytdnn.features import counter_features, counter_sums
from ytdnn.log import prepared

PreparedData = prepared.PreparedData


def _before(times: np.ndarray, now: int, hours: int) -> np.ndarray:
    return (times >= now - hours * 3_600) & (times < now)


class _Impressions(statistics_contract.StatisticContract):
    hours = 1_000_000

    def by_hand(self, data: PreparedData, is_in: np.ndarray, now: int) -> float:
        shown = data.impressions
        is_before = _before(shown.times, now, self.hours)
        return float((is_in[shown.videos] & is_before).sum())


class _Watches(statistics_contract.StatisticContract):
    hours = 1_000_000

    def by_hand(self, data: PreparedData, is_in: np.ndarray, now: int) -> float:
        watches = data.watches
        is_before = _before(watches.times, now, self.hours)
        return float((is_in[watches.videos] & is_before).sum())


class _RecentWatches(_Watches):
    hours = 7 * 24


class _OfClicks(statistics_contract.RatioContract):
    """A ratio by the rows of clicks and the number of other impressions."""

    of_clicks: ClassVar[Callable[[PreparedData, np.ndarray, int], tuple[float, float]]]

    def sums(
        self, data: PreparedData, is_in: np.ndarray, now: int
    ) -> tuple[float, float]:
        shown = data.impressions
        rows = np.flatnonzero((shown.times < now) & is_in[shown.videos])
        clicks = rows[shown.clicked[rows]]
        return type(self).of_clicks(data, clicks, len(rows) - len(clicks))


def _seconds(data: PreparedData, clicks: np.ndarray) -> float:
    return float(data.impressions.seconds[clicks].sum())


class _ClickRate(_OfClicks):
    of_clicks = staticmethod(
        lambda data, clicks, others: (len(clicks), len(clicks) + others)
    )


class _RecentClickRate(_ClickRate):
    """Ten impressions of the video's own rate are added to those of the window."""

    hours: ClassVar[int]

    def at(self, data: PreparedData, group: str, video: int, moment: int) -> float:
        own = super().at(data, group, video, moment)
        if group != self.group:
            return own
        shown = data.impressions
        rows = (shown.videos == video) & _before(shown.times, moment, self.hours)
        return float((shown.clicked[rows].sum() + 10 * own) / (rows.sum() + 10))


class _SecondsOdds(_OfClicks):
    of_clicks = staticmethod(
        lambda data, clicks, others: (_seconds(data, clicks), others)
    )


class _SecondsPerClick(_OfClicks):
    of_clicks = staticmethod(
        lambda data, clicks, others: (_seconds(data, clicks), len(clicks))
    )


class _WatchedFraction(_OfClicks):
    @staticmethod
    def of_clicks(
        data: PreparedData, clicks: np.ndarray, others: int
    ) -> tuple[float, float]:
        of_videos = statistics_contract.durations(data)
        fractions = [
            min(1.0, float(data.impressions.seconds[row]) / of_videos[video])
            for row in clicks
            if of_videos[video := data.impressions.videos[row]]
        ]
        return sum(fractions), len(fractions)


for _group in statistics_contract.GROUPS:
    for _name, _cls in {
        "impressions": _Impressions,
        "watches": _Watches,
        "recent_watches": _RecentWatches,
        "click_rate": _ClickRate,
        "seconds_odds": _SecondsOdds,
        "seconds_per_click": _SecondsPerClick,
        "watched_fraction": _WatchedFraction,
    }.items():
        _own = {"name": f"{_group}_{_name}", "group": _group}
        globals()[f"Test_{_own['name']}"] = type(f"Test_{_own['name']}", (_cls,), _own)

for _window, _hours, _least in (("day", 24, 1), ("hour", 1, 0)):
    for _name, _cls in {
        "impressions": _Impressions,
        "watches": _Watches,
        "click_rate": _RecentClickRate,
    }.items():
        _own = {"name": f"video_{_name}_{_window}", "hours": _hours}
        _own["least_values"] = _least
        globals()[f"Test_{_own['name']}"] = type(f"Test_{_own['name']}", (_cls,), _own)


def test_without_channels_the_corpus_smooths_the_video(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].drop("channel_id")
    data = full_log.prepared_data(tmp_path, log)
    rates = counter_features.ClickRate(counter_sums.VIDEO).values(
        counter_sums.served(data)
    )
    shown = data.impressions
    before = shown.times < counter_sums.serving_moment(data)
    ids = data.videos["video_id"].to_list()
    never = ids.index(f"v{full_log.NUM_VIDEOS}") + 1  # not in any impression
    assert not (shown.videos == never).any()
    np.testing.assert_allclose(rates[never], shown.clicked[before].mean())
    assert rates[0] == -1.0
