"""Metrics of predictions for logged impressions (PAPER §4.3).

Each metric is measured for the scorers that give its input:

- the order: weighted per-user loss; nDCG of each slate by watch seconds;
- the order of all impressions of a user as one list, by features read when the list
  began (`shown_scorers`): nDCG and the share of the watch time in the first places;
- log odds of weighted logistic regression, or seconds and click probability: the log
  loss under the weights of training (a click weighs its watch seconds, no click weighs
  1, both 1 without watch time), over the total weight;
- the click probability: AUC over all impressions, and within each user by features
  read when the user's list began; plain log loss; predicted over observed clicks;
- the seconds: XAUC, over all impressions and within each user; mean absolute error;
  predicted over observed seconds.

An order by expected seconds is not judged by AUC, nor one by clicks alone by watch
time. Without watch time every order is by clicks.

Others are registered (`registries.IMPRESSION_METRICS`) and measured where
`evaluation.metrics` names them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, registries
from ytdnn.base.metrics import (
    binary,
    bootstrap,
    calibration,
    metric_names,
    order_by_seconds,
    per_user_loss,
)
from ytdnn.evaluation import report_types, shown_scorers
from ytdnn.ranking import predictions

Predictions = predictions.Predictions
SplitImpressions = shown_scorers.SplitImpressions
EvaluationConfig = configs.EvaluationConfig

METRICS = tuple(metric_names.IMPRESSIONS)
# Share of the places of each list.
FIRST_PLACES = {metric_names.FIRST_QUARTER: 0.25, metric_names.FIRST_HALF: 0.5}
# A resample of AUC costs a pass over all impressions; so many are passed over at most,
# and never fewer than a hundred resamples made.
_MOST_CELLS = 20_000_000  # of users by bins of scores, for the intervals of AUC
_LEAST_BINS = 32

Floats = npt.NDArray[np.float64]
Parts = dict[str, tuple[Floats, Floats]]


def is_one(name: str) -> bool:
    """Whether a name is that of a metric of impressions."""
    return name in METRICS or name in registries.IMPRESSION_METRICS


def measure(
    impressions: SplitImpressions, predicted: Predictions, config: EvaluationConfig
) -> tuple[report_types.Entry, Parts]:
    """Measures the predictions of one model.

    Args:
      impressions: Impressions of the split.
      predicted: Predictions for each of them.
      config: Settings of resamples and their seed.

    Returns:
      The model's entry in the report, in the order of `METRICS`, and the numerators
      and denominators, for each user, of the metrics that are ratios of sums over
      users.

    Raises:
      ValueError: A prediction is NaN.
    """
    for name, given in predicted.given.items():
        if np.isnan(given).any():
            raise ValueError(f"expected {name} of predictions as numbers, received NaN")
    parts = _parts(impressions, predicted)
    parts |= _registered(impressions, predicted, config.metrics)
    pairs = pair_parts(impressions, predicted)
    sums = parts | pairs
    values = bootstrap.ratios(sums)
    intervals = bootstrap.ratio_intervals(sums, config.num_resamples, seed=config.seed)
    by_clicks = click_orders(impressions, predicted)
    if by_clicks is not None:
        score = by_clicks[0]
        values[metric_names.AUC] = binary.auc(impressions.clicked, score)
        intervals[metric_names.AUC] = auc_interval(impressions, score, config)
    for name in pairs:
        intervals[name] = bootstrap.user_pairs_interval(values[name], intervals[name])
    return entry((*METRICS, *config.metrics), values, intervals), parts


def entry(
    order: Sequence[str],
    values: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
) -> report_types.Entry:
    """Returns an entry of the report with those metrics that are measured, in order."""
    measured = [name for name in order if name in values]
    return report_types.Entry(
        values={name: values[name] for name in measured},
        intervals={name: intervals[name] for name in measured},
    )


def click_orders(
    impressions: SplitImpressions, predicted: Predictions
) -> tuple[npt.NDArray, npt.NDArray] | None:
    """Returns scores by clicks, of all and of users' lists; None: those are seconds."""
    if impressions.seconds is None:
        return predicted.order, predicted.list_order
    return predicted.click_orders


def auc_interval(
    impressions: SplitImpressions,
    scores: npt.NDArray,
    config: EvaluationConfig,
    labels: npt.NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """Returns the bootstrap interval of AUC; NaN without impressions.

    Args:
      impressions: Scored impressions.
      scores: `[n]`.
      config: Settings of resamples and their seed.
      labels: `[n]`; None: clicks.
    """
    if not impressions.num_users:
        return float("nan"), float("nan")
    return ends(auc_draws(impressions, scores, config, labels))


def ends(draws: Floats, level: float = bootstrap.LEVEL) -> tuple[float, float]:
    """Returns the ends of the interval of a number's resamples, `[resamples]`."""
    low, high = bootstrap.percentiles(draws[:, np.newaxis], level)
    return float(low[0]), float(high[0])


def auc_draws(
    impressions: SplitImpressions,
    scores: npt.NDArray,
    config: EvaluationConfig,
    labels: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    """Returns AUC on resamples of the users, `[resamples]`; see `auc_interval`."""
    num_users = impressions.num_users
    return binary.auc_draws(
        impressions.users,
        impressions.clicked if labels is None else labels,
        scores,
        bootstrap.blocks(num_users, config.num_resamples, config.seed),
        num_bins=min(binary.NUM_BINS, max(_LEAST_BINS, _MOST_CELLS // num_users)),
    )


def list_parts(impressions: SplitImpressions, scores: npt.NDArray) -> Parts:
    """Returns the parts of metrics of lists: all impressions of each user as one.

    Gains are watch seconds, or clicks where the log has no watch time. A list of one
    impression has no order and is not counted.

    Args:
      impressions: Scored impressions.
      scores: `[n]`, higher = placed first.
    """
    users, num_users = impressions.users, impressions.num_users
    has_order = (impressions.by_user(1.0) > 1.0).astype(np.float64)
    rows, ndcg = order_by_seconds.page_ndcg(users, scores, impressions.gains)
    of_users, defined = np.zeros(num_users), np.zeros(num_users)
    of_users[users[rows]], defined[users[rows]] = ndcg, 1.0
    sums = {metric_names.LIST_NDCG: (of_users * has_order, defined * has_order)}
    shares = list(FIRST_PLACES.values())
    held, total = order_by_seconds.gains_of_first(
        users, scores, impressions.gains, shares, num_users
    )
    for name, of_users in zip(FIRST_PLACES, held, strict=True):
        sums[name] = of_users * has_order, total * has_order
    return sums


def grouped_auc_parts(
    impressions: SplitImpressions,
    scores: npt.NDArray,
    labels: npt.NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats]:
    """Returns the parts of the AUC within each user, weighted by impressions.

    Args:
      impressions: Scored impressions.
      scores: `[n]`.
      labels: `[n]`; None: clicks.
    """
    labels = impressions.clicked if labels is None else labels
    users, num_users = impressions.users, impressions.num_users
    within = binary.grouped_auc(users, labels, scores, num_users)
    return _weighted_mean(within, impressions.by_user(1.0))


def _parts(impressions: SplitImpressions, predicted: Predictions) -> Parts:
    """Returns, of each user, numerator and denominator of each ratio."""
    clicked, sizes = impressions.clicked, impressions.by_user(1.0)
    sums: Parts = {}
    by_clicks = click_orders(impressions, predicted)
    if by_clicks is not None:
        sums[metric_names.GROUPED_AUC] = grouped_auc_parts(impressions, by_clicks[1])
    if predicted.click_probability is not None:
        probability = np.asarray(predicted.click_probability, np.float64)
        losses = binary.click_log_losses(clicked, probability)
        sums[metric_names.CLICK_LOG_LOSS] = impressions.by_user(losses), sizes
        expected, happened = map(impressions.by_user, (probability, clicked))
        sums[metric_names.CLICK_CALIBRATION] = expected, happened
        if impressions.seconds is not None and predicted.seconds is None:
            return sums
    wrong, watched = per_user_loss.watch_time_of_pairs(
        impressions.pages, clicked, predicted.order, impressions.seconds
    )
    both = impressions.by_user(wrong), impressions.by_user(watched)  # PAPER §4.3
    sums[metric_names.PER_USER_LOSS] = both
    sums |= list_parts(impressions, predicted.list_order)
    # Without watch time all weights are 1, and odds of seconds do not belong to them.
    has_seconds = impressions.seconds is not None
    logits = predicted.weighted_logits if has_seconds else predicted.logits
    if logits is not None:
        losses = impressions.weights * binary.log_losses(clicked, logits)
        weights = impressions.by_user(impressions.weights)
        sums[metric_names.LOG_LOSS] = impressions.by_user(losses), weights
    return sums | _seconds_parts(impressions, predicted, sizes)


def _registered(
    impressions: SplitImpressions, predicted: Predictions, names: Sequence[str]
) -> Parts:
    """Returns the parts of registered metrics, of those that have their input."""
    sums: Parts = {}
    own, shape = registries.IMPRESSION_METRICS, (2, impressions.num_users)
    for name in filter(own.__contains__, names):
        parts = own.made(name, object, impressions, predicted)
        if parts is not None:
            both = np.asarray(own.array(parts, shape, name), np.float64)
            sums[name] = both[0], both[1]
    return sums


def _seconds_parts(
    impressions: SplitImpressions, predicted: Predictions, sizes: Floats
) -> Parts:
    """Returns the parts of metrics of watch seconds, empty without watch seconds."""
    observed, sums = impressions.seconds, Parts()
    if observed is None:
        return sums
    rows, ndcg = order_by_seconds.page_ndcg(
        impressions.pages, predicted.order, observed
    )
    owners, num_users = impressions.users[rows], impressions.num_users
    num_pages = np.bincount(owners, minlength=num_users)
    means = np.bincount(owners, ndcg, num_users) / np.maximum(num_pages, 1)
    sums[metric_names.PAGE_NDCG] = means, (num_pages > 0).astype(np.float64)
    if predicted.seconds is not None:
        expected_seconds = np.asarray(predicted.seconds, np.float64)
        within = order_by_seconds.grouped_xauc(
            impressions.users, expected_seconds, observed, num_users
        )
        errors = impressions.by_user(np.abs(expected_seconds - observed))
        expected = impressions.by_user(expected_seconds)
        sums[metric_names.GROUPED_XAUC] = _weighted_mean(within, sizes)
        sums[metric_names.ABSOLUTE_ERROR] = errors, sizes
        sums[metric_names.CALIBRATION_RATIO] = expected, impressions.by_user(observed)
    return sums


def pair_parts(impressions: SplitImpressions, predicted: Predictions) -> Parts:
    """Returns the parts of metrics of pairs that may belong to two users."""
    if impressions.seconds is None or predicted.seconds is None:
        return {}
    everyone = np.zeros(len(impressions.rows), np.int64)
    alike, pairs = order_by_seconds.pairs_alike(
        everyone, predicted.seconds, impressions.seconds
    )
    return {metric_names.XAUC: (impressions.by_user(alike), impressions.by_user(pairs))}


def _weighted_mean(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Returns the parts of a mean over users, NaN left out."""
    defined = np.isfinite(values)
    return np.where(defined, values * weights, 0.0), weights * defined


def measure_calibration(
    impressions: SplitImpressions, predicted: Predictions, config: EvaluationConfig
) -> report_types.CalibrationReport:
    """Measures the calibration of predictions, in deciles by prediction.

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
    seconds: tuple[report_types.Tenth, ...] = ()
    clicks, odds = seconds, seconds
    if predicted.seconds is not None and impressions.seconds is not None:
        seconds = tenths(impressions, predicted.seconds, impressions.seconds, config)
    elif predicted.logits is not None:
        predicted_odds = np.exp(np.asarray(predicted.logits, np.float64))
        weights = impressions.weights * clicked
        odds = tenths(impressions, predicted_odds, weights, config, 1.0 - clicked)
    if predicted.click_probability is not None:
        clicks = tenths(impressions, predicted.click_probability, clicked, config)
    return report_types.CalibrationReport(seconds=seconds, clicks=clicks, odds=odds)


def tenths(
    impressions: SplitImpressions,
    predicted: npt.NDArray[np.floating],
    observed: shown_scorers.Floats,
    config: EvaluationConfig,
    totals: shown_scorers.Floats | None = None,
) -> tuple[report_types.Tenth, ...]:
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
        report_types.Tenth(
            predicted=quantile_bin.predicted,
            observed=(quantile_bin.observed, *quantile_bin.observed_interval),
            ratio=(quantile_bin.ratio, *quantile_bin.ratio_interval),
            impressions=quantile_bin.num_examples,
        )
        for quantile_bin in bins
    )
