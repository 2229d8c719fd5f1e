"""Calibration of predictions for logged impressions, in deciles by prediction."""

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import calibration
from ytdnn.evaluation import report_model, shown_scorers
from ytdnn.ranking import predictions


def measure(
    impressions: shown_scorers.SplitImpressions,
    predicted: predictions.Predictions,
    config: configs.EvaluationConfig,
) -> report_model.CalibrationReport:
    """Measures the calibration of predictions.

    Expected watch seconds are compared with the mean over impressions, click
    probabilities with the share of clicks. Odds, of a scorer without seconds, are
    compared with the target of training: watch seconds (clicks without watch time) over
    the impressions without a click.

    Args:
      impressions: Impressions of the split.
      predicted: Predictions for each of them.
      config: Settings of resamples and their seed.
    """
    clicked = impressions.clicked.astype(np.float64)
    seconds: tuple[report_model.Tenth, ...] = ()
    clicks, odds = seconds, seconds
    if predicted.seconds is not None and impressions.seconds is not None:
        seconds = tenths(impressions, predicted.seconds, impressions.seconds, config)
    elif predicted.logits is not None:
        predicted_odds = np.exp(np.asarray(predicted.logits, np.float64))
        weights = impressions.weights * clicked
        odds = tenths(impressions, predicted_odds, weights, config, 1.0 - clicked)
    if predicted.click_probability is not None:
        clicks = tenths(impressions, predicted.click_probability, clicked, config)
    return report_model.CalibrationReport(seconds=seconds, clicks=clicks, odds=odds)


def tenths(
    impressions: shown_scorers.SplitImpressions,
    predicted: npt.NDArray[np.floating],
    observed: shown_scorers.Floats,
    config: configs.EvaluationConfig,
    totals: shown_scorers.Floats | None = None,
) -> tuple[report_model.Tenth, ...]:
    """Returns predicted and observed means by tenths of the predictions.

    Args:
      impressions: Impressions of the split.
      predicted: `[n]`, prediction of each.
      observed: `[n]`, observation of each.
      config: Settings of resamples and their seed.
      totals: `[n]`, weights in the divisor; None: 1.
    """
    bins = calibration.by_quantile(
        impressions.users,
        predicted,
        observed,
        totals,
        num_resamples=config.num_resamples,
        seed=config.seed,
    )
    return tuple(
        report_model.Tenth(
            predicted=quantile_bin.predicted,
            observed=(quantile_bin.observed, *quantile_bin.observed_interval),
            ratio=(quantile_bin.ratio, *quantile_bin.ratio_interval),
            impressions=quantile_bin.num_examples,
        )
        for quantile_bin in bins
    )
