"""Shares of each outcome in the first places, by orders of several weights.

The impressions of each user are one list, ordered by Σ weight · prediction, by features
read when the list began. A table gives the share of the watch time, and of each
outcome, in the first half of the places: the gain of a weight in its own outcome, and
its cost in the others.

The weight of an outcome is relative to that of watch seconds: `equal` is the weight
with which both have the same sum of predictions over all impressions. Unwanted outcomes
(`disliked`, `reported`) have negative weights.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, schema
from ytdnn.base.metrics import first_places
from ytdnn.evaluation import ranker, report_model, summary
from ytdnn.log import outcomes

UNWANTED = (schema.DISLIKED, schema.REPORTED)
_SHARE = 0.5
_FACTORS = (1.0, 4.0)  # times the weight at which both sums are equal

Floats = npt.NDArray[np.floating]
Weights = dict[str, float]


def weightings(terms: Mapping[str, Floats], names: list[str]) -> list[Weights]:
    """Returns the weightings that are compared.

    Args:
      terms: Predictions by name, `[n]` each, with watch seconds or clicks.
      names: Outcomes that are predicted.
    """
    unit = schema.WATCH_SECONDS if schema.WATCH_SECONDS in terms else schema.CLICKED
    total = float(np.sum(terms[unit]))
    found: list[Weights] = [{unit: 1.0}]
    together: Weights = {unit: 1.0}
    for name in names:
        of_outcome = float(np.sum(terms[name]))
        if of_outcome <= 0.0:
            continue
        sign = -1.0 if name in UNWANTED else 1.0
        equal = float(f"{total / of_outcome:.2g}")
        found += [{unit: 1.0, name: sign * factor * equal} for factor in _FACTORS]
        together[name] = sign * equal
    return [*found, together] if len(together) > 2 else found


def name_of(weights: Weights) -> str:
    """Returns a weighting as text, such as "watch_seconds 1, liked 30"."""
    return ", ".join(f"{name} {value:,.6g}" for name, value in weights.items())


def measure(
    impressions: ranker.SplitImpressions,
    known: tuple[outcomes.Outcome, ...],
    terms: Mapping[str, Floats],
    config: configs.EvaluationConfig,
) -> dict[str, report_model.Entry]:
    """Returns the shares in the first half of users' lists, by weighting.

    Args:
      impressions: Impressions of the split.
      known: Outcomes of the log, in the order of their array.
      terms: Predictions by name, `[n]` each, by features read when the list began.
      config: Resamples and their seed.
    """
    names = [one.name for one in known if one.name in terms]
    gains = _gains(impressions, known, names)
    found = {}
    for weights in weightings(terms, names):
        order = np.sum(
            [value * np.asarray(terms[name]) for name, value in weights.items()], axis=0
        )
        parts = {}
        for name, of_impressions in gains.items():
            (held,), whole = first_places.gains_of_first(
                impressions.users,
                order,
                of_impressions,
                [_SHARE],
                impressions.num_users,
            )
            parts[name] = held, whole
        found[name_of(weights)] = summary.of_ratios(parts, config)
    return found


def _gains(
    impressions: ranker.SplitImpressions,
    known: tuple[outcomes.Outcome, ...],
    names: list[str],
) -> dict[str, npt.NDArray[np.float64]]:
    """Returns the amount of each quantity in each impression, 0 where unknown."""
    unit = schema.CLICKED if impressions.seconds is None else schema.WATCH_SECONDS
    found = {unit: impressions.gains}
    for place, one in enumerate(known):
        if one.name in names and impressions.outcomes is not None:
            values = impressions.outcomes[:, place].astype(np.float64)
            found[one.name] = np.nan_to_num(values)
    return found
