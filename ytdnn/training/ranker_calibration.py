"""Calibration of a trained ranker on its validation window.

Early stopping chooses the epoch with the best order, not the one with calibrated
probabilities and seconds. Where the validation window shows that they are not
calibrated, two numbers each correct them, in the exported graph as well.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import order_by_seconds, recalibration
from ytdnn.log import batch_streams, events, prepared
from ytdnn.ranking import (
    building,
    counted_seconds,
    heads,
    model,
    outcome_heads,
    predictions,
)

PreparedData = prepared.PreparedData
RankingModel = model.RankingModel
Calibration = heads.Calibration
RankingConfig = configs.RankingConfig

_LEAST = 1e-6  # so that logs are finite
_WEIGHTS = 0.0, 0.5, 1.0  # of counted seconds in the order
_SHARE = 0.5  # of each user's impressions, which are to hold most of the watch time

Floats = npt.NDArray[np.float64]


def calibrate(config: RankingConfig, data: PreparedData, ranker: RankingModel) -> None:
    """Calibrates the predictions and the order of a ranker on the validation window.

    Args:
      config: Settings, with the number of events in memory at a time.
      data: The prepared set, with validation impressions.
      ranker: The trained model, not calibrated.
    """
    known = fit(config, data, ranker)
    ranker.calibrate(known)
    weight = counted_weight(config, data, ranker)
    if weight:
        ranker.calibrate(dataclasses.replace(known, counted=weight))


def fit(config: RankingConfig, data: PreparedData, ranker: RankingModel) -> Calibration:
    """Returns the calibration of a ranker's predictions on the validation window.

    Heads without a click probability, which serve odds, are not calibrated; their
    outcomes are.

    Args:
      config: Settings, with the number of events in memory at a time.
      data: The prepared set, with validation impressions.
      ranker: The trained model, not calibrated.
    """
    windows = batch_streams.ShardWindows(data, config.window_events)
    ask = functools.partial(_predict_window, ranker)
    pairs = [
        pair for pair in windows.collect(ask, ranker.close_log) if pair is not None
    ]
    parts = [part for part, _ in pairs]
    whole = np.concatenate([np.zeros([0, 4]), *parts]).astype(np.float64)
    lines = _lines(ranker.head.outcomes, [observed for _, observed in pairs])
    found_lines = _fitted(whole, ranker.head.keeps_mean)
    return dataclasses.replace(found_lines, outcomes=lines)


def counted_weight(
    config: RankingConfig, data: PreparedData, ranker: RankingModel
) -> float:
    """Returns the weight of counted seconds with which the ranker orders best.

    Of the weights whose nDCG, by seconds over each user's impressions of the validation
    window, is not lower than without by more than a standard error, the one with the
    largest share of the watch time in the first half of them.

    Args:
      config: Settings, with the number of events in memory at a time.
      data: The prepared set, with validation impressions.
      ranker: The trained model, calibrated.
    """
    if not counted_seconds.exists(ranker.features, ranker.head):
        return 0.0
    known = ranker.measured.calibration
    windows = batch_streams.ShardWindows(data, config.window_events)
    ask = functools.partial(_order_window, ranker)
    rows = np.concatenate([np.zeros([0, 4]), *windows.collect(ask, ranker.close_log)])
    ranker.calibrate(known)
    return best_weight(rows)


def best_weight(rows: Floats) -> float:
    """Returns the weight of counted seconds that orders impressions best.

    Args:
      rows: `[n, 4]` user, watch seconds, and the order with a weight of 0 and of 1.
    """
    users, gains, own, whole = rows.T
    if not gains.any():
        return 0.0
    _, lists = np.unique(users, return_inverse=True)
    count = int(lists.max()) + 1
    held, tops = [], []
    for weight in _WEIGHTS:
        order = own + weight * (whole - own)
        first, _ = order_by_seconds.gains_of_first(lists, order, gains, [_SHARE], count)
        held.append(float(first[0].sum()))
        tops.append(order_by_seconds.page_ndcg(lists, order, gains)[1])
    lost = tops[0] - np.array(tops)
    is_level = lost.mean(axis=1) <= lost.std(axis=1) / np.sqrt(lost.shape[1])
    return _WEIGHTS[max(np.flatnonzero(is_level), key=lambda place: held[place])]


def _order_window(ranker: RankingModel, window: PreparedData) -> npt.NDArray:
    """Returns the rows of `best_weight` of a window's validation impressions."""
    rows = building.rows_of(window.log, events.Split.VALIDATION)
    if not len(rows):
        return np.zeros([0, 4])
    shown = window.impressions
    users = np.asarray(shown.users)[rows]
    _, firsts, lists = np.unique(users, return_index=True, return_inverse=True)
    began = rows[firsts][lists]  # features are those of the list's begin
    columns = [users, np.where(shown.clicked, np.asarray(shown.seconds), 0.0)[rows]]
    for weight in (0.0, 1.0):
        known = ranker.measured.calibration
        ranker.calibrate(dataclasses.replace(known, counted=weight))
        columns.append(ranker.predictions(window, rows, began).order)
    return np.column_stack(columns)


def _predict_window(
    ranker: RankingModel, window: PreparedData
) -> tuple[npt.NDArray, list[Floats]] | None:
    """Returns the rows of `_fitted` and `_observed`; None without impressions."""
    rows = building.rows_of(window.log, events.Split.VALIDATION)
    if not len(rows):
        return None
    predicted = ranker.predictions(window, rows)
    shown = window.impressions
    observed = _observed(ranker.head.outcomes, predicted, shown, rows)
    if predicted.click_probability is None:
        return np.zeros([0, 4]), observed
    clicked = np.asarray(shown.clicked)[rows]
    expected = np.zeros(len(rows)) if predicted.seconds is None else predicted.seconds
    watched = np.zeros(len(rows))
    if predicted.seconds is not None and shown.seconds is not None:
        watched = np.where(clicked, np.asarray(shown.seconds)[rows], 0.0)
    columns = [predicted.click_probability, expected, clicked, watched]
    return np.column_stack(columns), observed


def carried(
    facts: Mapping[str, Any], learned: Sequence[outcome_heads.PredictedOutcome]
) -> Calibration:
    """Returns the calibration of an earlier ranker for a later one.

    Args:
      facts: Facts of the earlier ranker's manifest.
      learned: Outcomes of the later ranker, which may differ.
    """
    known = configs.component(Calibration, facts.get("calibration", {}))
    lines = dict(zip(facts.get("outcomes", ()), known.outcomes, strict=True))
    kept = tuple(lines.get(outcome.name, recalibration.IDENTITY) for outcome in learned)
    return dataclasses.replace(known, outcomes=kept)


def _observed(
    learned: Sequence[outcome_heads.PredictedOutcome],
    predicted: predictions.Predictions,
    shown: events.Impressions,
    rows: npt.NDArray[np.int64],
) -> list[Floats]:
    """Returns predictions and observed values of each outcome, `[n, 2]`."""
    pairs = []
    for outcome in learned:
        values = np.asarray(shown.outcomes)[rows, outcome.place].astype(np.float64)
        pair = np.column_stack([predicted.outcomes[outcome.name], values])
        pairs.append(pair[np.isfinite(values)])
    return pairs


def _lines(
    learned: Sequence[outcome_heads.PredictedOutcome], parts: Sequence[list[Floats]]
) -> tuple[recalibration.Line, ...]:
    """Returns the line of each outcome.

    Args:
      learned: Outcomes that the ranker predicts.
      parts: See `_observed`, of each window.
    """
    lines = []
    for place, outcome in enumerate(learned):
        whole = np.concatenate([np.zeros([0, 2]), *(part[place] for part in parts)])
        predicted, observed = whole.T
        if outcome.is_binary:
            chances = np.clip(predicted, _LEAST, 1.0 - _LEAST)
            log_odds = np.log(chances / (1.0 - chances))
            lines.append(recalibration.fit_log_odds(log_odds, observed))
        else:
            log_amounts = np.log(np.maximum(predicted, _LEAST))
            lines.append(recalibration.fit_log_amounts(log_amounts, observed))
    return tuple(lines)


def _fitted(rows: Floats, keeps_mean: bool = True) -> Calibration:
    """Returns the calibration of `[n, 4]`: chance, seconds, clicked, watched.

    Args:
      rows: `[n, 4]`.
      keeps_mean: Whether training fits the mean of the seconds. If not, the seconds are
        scaled to the mean of the window even if the difference could be chance.
    """
    chances, seconds, clicked, watched = rows.T
    chances = np.clip(chances, _LEAST, 1.0 - _LEAST)
    log_odds = np.log(chances / (1.0 - chances))
    clicks = recalibration.fit_log_odds(log_odds, clicked)
    if not seconds.any():
        return Calibration(clicks)
    moved = clicks.shift + clicks.slope * log_odds
    given_click = np.log(np.maximum(seconds, _LEAST) / chances)
    log_seconds = given_click - np.logaddexp(0.0, -moved)
    line = recalibration.fit_log_amounts(log_seconds, watched)
    if not keeps_mean and line == recalibration.IDENTITY and watched.any():
        line = recalibration.Line(
            float(np.log(watched.sum() / np.exp(log_seconds).sum()))
        )
    return Calibration(clicks, line)
