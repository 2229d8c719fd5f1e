"""Evaluates systems other than runs: an exported bundle, a file of predictions.

`bundles` and `prediction_files` open them as an `Other`; the rest is the same for both,
together with popularity and, where the log is a world's, the oracle.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ytdnn.base import configs, errors
from ytdnn.evaluation import (
    boosted_trees,
    known_truth,
    leaks,
    lists,
    measure,
    report_files,
    request_cases,
    request_measure,
    tuned_baselines,
    user_cases,
    users_in_parts,
)
from ytdnn.log import events, prepared


@dataclasses.dataclass(frozen=True)
class Other:
    """A system that makes lists.

    Attributes:
      name: Name of the bundle or file.
      kind: `bundle` or `predictions`.
      fingerprint: Fingerprint of its content.
      makers: Makers of its lists, by their names in the report.
      stated: Function from the cases, or those of requests, to fields of the report's
        protocol.
      trained_to: The end of its training data (s since the epoch), where it is
        recorded.
      num_listed: Number of videos that it can list, the first ones of the catalogue;
        None: the vocabulary.
      request_makers: Makers of lists for the protocol `requests` alone.
    """

    name: str
    kind: str
    fingerprint: str
    makers: Mapping[str, lists.Maker]
    stated: Callable[[user_cases.Cases], Mapping[str, Any]]
    trained_to: int | None = None
    num_listed: int | None = None
    request_makers: Mapping[str, lists.Maker] = dataclasses.field(default_factory=dict)


def evaluate(
    other: Other,
    data: prepared.PreparedData,
    config: configs.EvaluationConfig,
    split: str,
) -> report_files.Result:
    """Measures a system.

    Args:
      other: The system.
      data: The prepared set it is measured on.
      config: Settings of lengths, slices and resamples.
      split: `test` or `validation`.

    Raises:
      errors.UserError: No user has a right answer, or the system was trained on
        answers.
    """
    code = events.Split[split.upper()]
    cases = user_cases.cases(data, code, config, other.num_listed)
    if other.trained_to is not None:
        leaks.require_later(cases, code, other.name, other.trained_to)
    is_later = split == "test" and data.config.protocol == "temporal"
    known = data.with_validation_in_training() if is_later else data  # as a run's
    makers = {
        lists.POPULARITY: lists.popularity(data.catalogue),
        **tuned_baselines.quick_makers(known, config, cases),
        **other.makers,
    }
    truth = known_truth.from_data(data)
    if truth is not None:
        makers |= truth.systems(config).makers
    result = measure.measure(data, cases, makers, {}, code, config)
    windows = users_in_parts.WindowOpener(config.window_events)
    if other.request_makers and data.config.protocol != "temporal":
        raise errors.UserError(
            f"expected data.protocol=temporal for predictions of requests, found "
            f"{data.config.protocol}: give user_id in place of request_id"
        )
    result = request_measure.added(
        result,
        data,
        {**makers, **other.request_makers},
        code,
        config,
        windows,
        {*other.makers, *other.request_makers},
        other.num_listed,
    )
    if other.request_makers:
        asked = request_cases.cases(data, code, config, other.num_listed)
        cases = cases if asked is None else asked.cases
    rules = dataclasses.replace(result.report.protocol, **other.stated(cases))
    report = dataclasses.replace(
        result.report,
        name=other.name,
        protocol=rules,
        warnings=boosted_trees.left_out(config),
    )
    inputs = result.inputs | {other.kind: other.fingerprint}
    return dataclasses.replace(result, report=report, inputs=inputs)
