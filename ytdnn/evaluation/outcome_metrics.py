"""Metrics of the outcomes of impressions besides the click (docs/feedback.md).

Only impressions with a value of the outcome count. A binary outcome is measured by AUC,
AUC within each user (by features read when the user's list began, as for clicks), log
loss, and predicted over observed; an amount by the AUC of being above 0, mean absolute
error, and predicted over observed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, schema
from ytdnn.base.metrics import binary, bootstrap, order_by_seconds
from ytdnn.evaluation import impression_metrics, report_types, shown_scorers, user_means
from ytdnn.log import outcomes
from ytdnn.ranking import predictions

AUC = "auc"
GROUPED_AUC = "grouped_auc"
LOG_LOSS = "log_loss"
ABSOLUTE_ERROR = "mae"
CALIBRATION_RATIO = "calibration_ratio"
RATE = "rate"  # observed, of all impressions of which it is known
METRICS = (AUC, GROUPED_AUC, LOG_LOSS, ABSOLUTE_ERROR, CALIBRATION_RATIO, RATE)

_UNWANTED = (schema.DISLIKED, schema.REPORTED)
_SHARE = 0.5
_FACTORS = (1.0, 4.0)  # times the weight at which both sums are equal


def known(
    impressions: shown_scorers.SplitImpressions, place: int
) -> tuple[shown_scorers.SplitImpressions, npt.NDArray[np.bool_]]:
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
    impressions: shown_scorers.SplitImpressions,
    observed: shown_scorers.Floats,
    predicted: binary.Scores,
    listed: binary.Scores,
    is_binary: bool,
) -> impression_metrics.Parts:
    """Returns numerator and denominator, by user, of the metrics that are ratios.

    Args:
      impressions: Impressions with a value of the outcome.
      observed: `[n]`, the outcome of each impression.
      predicted: `[n]`, prediction of the outcome.
      listed: `[n]`, prediction by features read when the user's list began.
      is_binary: Whether the outcome is binary; else it is an amount.
    """
    happened = observed > 0.0
    probabilities = np.asarray(predicted, np.float64)
    sizes = impressions.by_user(1.0)
    expected, total = map(impressions.by_user, (probabilities, observed))
    sums = {
        GROUPED_AUC: impression_metrics.grouped_auc_parts(
            impressions, listed, happened
        ),
        CALIBRATION_RATIO: (expected, total),
        RATE: (total, sizes),
    }
    if is_binary:
        losses = binary.click_log_losses(happened, probabilities)
        sums[LOG_LOSS] = impressions.by_user(losses), sizes
    else:
        errors = impressions.by_user(np.abs(probabilities - observed))
        sums[ABSOLUTE_ERROR] = errors, sizes
    return sums


def measure(
    impressions: shown_scorers.SplitImpressions,
    known_outcomes: Sequence[outcomes.Outcome],
    predicted: Mapping[str, predictions.Predictions],
    config: configs.EvaluationConfig,
) -> report_types.OutcomesReport | None:
    """Returns the metrics of all models that predict outcomes; None without any.

    Args:
      impressions: All impressions of the split.
      known_outcomes: Outcomes of the log, in the order of their array.
      predicted: Predictions of each model.
      config: Resamples and their seed.
    """
    models = {name: answers for name, answers in predicted.items() if answers.outcomes}
    if not models:
        return None
    numbers: dict[str, dict[str, report_types.Entry]] = {}
    tenths: dict[str, dict[str, tuple[report_types.Tenth, ...]]] = {}
    for place, outcome in enumerate(known_outcomes):
        for name, answers in models.items():
            if outcome.name in answers.outcomes:
                measured = measure_outcome(impressions, outcome, place, answers, config)
                numbers.setdefault(outcome.name, {})[name] = measured[0]
                tenths.setdefault(outcome.name, {})[name] = measured[1]
    terms = next(iter(models.values())).list_terms
    return report_types.OutcomesReport(
        numbers=numbers,
        calibration=tenths,
        trade_offs=_trade_offs(impressions, known_outcomes, terms, config),
    )


def measure_outcome(
    impressions: shown_scorers.SplitImpressions,
    outcome: outcomes.Outcome,
    place: int,
    answers: predictions.Predictions,
    config: configs.EvaluationConfig,
) -> tuple[report_types.Entry, tuple[report_types.Tenth, ...]]:
    """Returns the metrics of an outcome's predictions, and their calibration.

    Args:
      impressions: All impressions of the split.
      outcome: The outcome.
      place: Place of the outcome in the array of outcomes.
      answers: Predictions of a model.
      config: Settings of resamples and their seed.
    """
    shown, keep = known(impressions, place)
    observed = np.asarray(shown.outcomes)[:, place].astype(np.float64)
    of_impressions, of_lists = (
        np.asarray(values[outcome.name])[keep]
        for values in (answers.outcomes, answers.list_terms)
    )
    is_binary = outcome.kind == outcomes.BINARY
    sums = parts(shown, observed, of_impressions, of_lists, is_binary)
    values = bootstrap.ratios(sums)
    intervals = bootstrap.ratio_intervals(sums, config.num_resamples, seed=config.seed)
    happened = observed > 0.0
    values[AUC] = binary.auc(happened, of_impressions)
    intervals[AUC] = impression_metrics.auc_interval(
        shown, of_impressions, config, happened
    )
    entry = impression_metrics.entry(METRICS, values, intervals)
    return entry, impression_metrics.tenths(shown, of_impressions, observed, config)


def _trade_offs(
    impressions: shown_scorers.SplitImpressions,
    known_outcomes: Sequence[outcomes.Outcome],
    terms: Mapping[str, binary.Scores],
    config: configs.EvaluationConfig,
) -> dict[str, report_types.Entry]:
    """Returns the shares in the first half of users' lists, by weighting.

    The impressions of each user are one list, ordered by Σ weight · prediction, by
    features read when the list began. The share of the watch time, and of each outcome,
    in the first half of the places is the gain of a weight in its own outcome, and its
    cost in the others.

    Args:
      impressions: Impressions of the split.
      known_outcomes: Outcomes of the log, in the order of their array.
      terms: Predictions by name, `[n]` each, by features read when the list began.
      config: Resamples and their seed.
    """
    unit = schema.CLICKED if impressions.seconds is None else schema.WATCH_SECONDS
    gains = {unit: impressions.gains}
    for place, outcome in enumerate(known_outcomes):
        if outcome.name in terms and impressions.outcomes is not None:
            values = impressions.outcomes[:, place].astype(np.float64)
            gains[outcome.name] = np.nan_to_num(values)
    entries = {}
    for weights in _weightings(terms, [name for name in gains if name != unit]):
        order = np.sum(
            [value * np.asarray(terms[name]) for name, value in weights.items()], axis=0
        )
        parts_of = {}
        for name, gain in gains.items():
            (held,), whole = order_by_seconds.gains_of_first(
                impressions.users, order, gain, [_SHARE], impressions.num_users
            )
            parts_of[name] = held, whole
        words = ", ".join(f"{name} {value:,.6g}" for name, value in weights.items())
        entries[words] = user_means.user_ratios(parts_of, config)
    return entries


def _weightings(
    terms: Mapping[str, binary.Scores], names: Sequence[str]
) -> list[dict[str, float]]:
    """Returns the weightings to compare, relative to the weight of watch seconds.

    With the smaller weight of an outcome, both have the same sum of predictions over
    all impressions. Unwanted outcomes have negative weights.

    Args:
      terms: Predictions by name, `[n]` each, with watch seconds or clicks.
      names: Outcomes that are predicted.
    """
    unit = schema.WATCH_SECONDS if schema.WATCH_SECONDS in terms else schema.CLICKED
    total = float(np.sum(terms[unit]))
    weightings, together = [{unit: 1.0}], {unit: 1.0}
    for name in names:
        amount = float(np.sum(terms[name]))
        if amount > 0.0:
            sign = -1.0 if name in _UNWANTED else 1.0
            together[name] = sign * float(f"{total / amount:.2g}")
            weightings += [
                {unit: 1.0, name: factor * together[name]} for factor in _FACTORS
            ]
    return [*weightings, together] if len(together) > 2 else weightings
