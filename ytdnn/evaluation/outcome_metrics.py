"""Metrics of the outcomes of impressions besides the click (docs/feedback.md).

Only impressions with a value of the outcome count. A binary outcome is measured by AUC,
AUC within each user (by features read when the user's list began, as for clicks), log
loss, and predicted over observed; an amount by the AUC of being above 0, mean absolute
error, and predicted over observed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import binary, bootstrap
from ytdnn.evaluation import (
    calibration,
    impression_metrics,
    ranker,
    report_model,
    trade_offs,
)
from ytdnn.log import outcomes
from ytdnn.ranking import predictions

AUC = "auc"
GROUPED_AUC = "grouped_auc"
LOG_LOSS = "log_loss"
ABSOLUTE_ERROR = "mae"
CALIBRATION_RATIO = "calibration_ratio"
RATE = "rate"  # observed, of all impressions of which it is known
METRICS = (AUC, GROUPED_AUC, LOG_LOSS, ABSOLUTE_ERROR, CALIBRATION_RATIO, RATE)

Floats = npt.NDArray[np.floating]
Parts = impression_metrics.Parts


def known(
    impressions: ranker.SplitImpressions, place: int
) -> tuple[ranker.SplitImpressions, npt.NDArray[np.bool_]]:
    """Returns the impressions with a value of an outcome, and their mask.

    Args:
      impressions: Impressions of a split.
      place: Place of the outcome in the array of outcomes.

    Raises:
      ValueError: The log has no outcomes.
    """
    if impressions.outcomes is None:
        raise ValueError("expected outcomes of impressions, found none")
    keep = np.isfinite(impressions.outcomes[:, place])
    return impressions.select(keep), keep


def parts(
    impressions: ranker.SplitImpressions,
    observed: ranker.Floats,
    predicted: Floats,
    listed: Floats,
    is_binary: bool,
) -> Parts:
    """Returns numerator and denominator, by user, of the metrics that are ratios.

    Args:
      impressions: Impressions with a value of the outcome.
      observed: `[n]`, the outcome of each impression.
      predicted: `[n]`, prediction of the outcome.
      listed: `[n]`, prediction by features read when the user's list began.
      is_binary: Whether the outcome is binary; else it is an amount.
    """
    happened = observed > 0.0
    given = np.asarray(predicted, np.float64)
    sizes = impressions.by_user(1.0)
    within = binary.grouped_auc(
        impressions.users, happened, listed, impressions.num_users
    )
    defined = np.isfinite(within)
    found = {
        GROUPED_AUC: (np.where(defined, within * sizes, 0.0), sizes * defined),
        CALIBRATION_RATIO: (impressions.by_user(given), impressions.by_user(observed)),
        RATE: (impressions.by_user(observed), sizes),
    }
    if is_binary:
        losses = binary.click_log_losses(happened, given)
        found[LOG_LOSS] = impressions.by_user(losses), sizes
    else:
        errors = impressions.by_user(np.abs(given - observed))
        found[ABSOLUTE_ERROR] = errors, sizes
    return found


def measure(
    impressions: ranker.SplitImpressions,
    known_outcomes: Sequence[outcomes.Outcome],
    predicted: Mapping[str, predictions.Predictions],
    config: configs.EvaluationConfig,
) -> report_model.OutcomesReport | None:
    """Returns the metrics of all models that predict outcomes; None without any.

    Args:
      impressions: All impressions of the split.
      known_outcomes: Outcomes of the log, in the order of their array.
      predicted: Predictions of each model.
      config: Resamples and their seed.
    """
    models = {name: given for name, given in predicted.items() if given.outcomes}
    if not models:
        return None
    numbers: dict[str, dict[str, report_model.Entry]] = {}
    tenths: dict[str, dict[str, tuple[report_model.Tenth, ...]]] = {}
    for place, outcome in enumerate(known_outcomes):
        for name, given in models.items():
            if outcome.name in given.outcomes:
                found = of_outcome(impressions, outcome, place, given, config)
                entry, of_tenths = found
                numbers.setdefault(outcome.name, {})[name] = entry
                tenths.setdefault(outcome.name, {})[name] = of_tenths
    first = next(iter(models.values()))
    orders = trade_offs.measure(
        impressions, tuple(known_outcomes), first.list_terms, config
    )
    return report_model.OutcomesReport(
        numbers=numbers, calibration=tenths, trade_offs=orders
    )


def of_outcome(
    impressions: ranker.SplitImpressions,
    outcome: outcomes.Outcome,
    place: int,
    given: predictions.Predictions,
    config: configs.EvaluationConfig,
) -> tuple[report_model.Entry, tuple[report_model.Tenth, ...]]:
    """Returns the metrics of an outcome's predictions, and their calibration.

    Args:
      impressions: All impressions of the split.
      outcome: The outcome.
      place: Place of the outcome in the array of outcomes.
      given: Predictions of a model.
      config: Settings of resamples and their seed.
    """
    shown, keep = known(impressions, place)
    observed = np.asarray(shown.outcomes)[:, place].astype(np.float64)
    of_impressions, of_lists = (
        np.asarray(values[outcome.name])[keep]
        for values in (given.outcomes, given.list_terms)
    )
    is_binary = outcome.kind == outcomes.BINARY
    ratios = parts(shown, observed, of_impressions, of_lists, is_binary)
    values = bootstrap.ratios(ratios)
    intervals = bootstrap.ratio_intervals(
        ratios, config.num_resamples, seed=config.seed
    )
    happened = observed > 0.0
    values[AUC] = binary.auc(happened, of_impressions)
    intervals[AUC] = impression_metrics.auc_interval(
        shown, of_impressions, config, happened
    )
    measured = [name for name in METRICS if name in values]
    entry = report_model.Entry(
        values={name: values[name] for name in measured},
        intervals={name: intervals[name] for name in measured},
    )
    return entry, calibration.of_outcome(shown, observed, of_impressions, config)
