"""The report of named systems on a prepared set (types: `report_model`).

A system is a maker of lists (`lists.Maker`), a scorer of impressions (`ranker.Scorer`),
or both, under one name or several; everything else is the same for all systems.
"""

import dataclasses
import datetime
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, environment
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    by_window,
    calibration,
    examples,
    gains,
    impression_metrics,
    impression_slices,
    leaks,
    list_metrics,
    lists,
    outcome_metrics,
    protocol,
    quality_gaps,
    ranker,
    report_files,
    report_model,
    report_parts,
    shown_lists,
    slices,
    statement,
    summary,
    users,
)
from ytdnn.log import events, prepared, user_log


@dataclasses.dataclass(frozen=True)
class Systems:
    """Systems to measure, by name, in the order of the report.

    Attributes:
      makers: List makers.
      scorers: Impression scorers.
      orders: Scorers that only order each user's impressions.
    """

    makers: dict[str, lists.Maker] = dataclasses.field(default_factory=dict)
    scorers: dict[str, ranker.Scorer] = dataclasses.field(default_factory=dict)
    orders: dict[str, ranker.Scorer] = dataclasses.field(default_factory=dict)

    @property
    def every_scorer(self) -> dict[str, ranker.Scorer]:
        """Impression scorers, then those that only order."""
        only = {k: v for k, v in self.orders.items() if k not in self.scorers}
        return self.scorers | only


def measure(
    data: prepared.PreparedData,
    cases: protocol.Cases,
    makers: Mapping[str, lists.Maker],
    scorers: Mapping[str, ranker.Scorer],
    split: events.Split,
    config: configs.EvaluationConfig,
    orders: Mapping[str, ranker.Scorer] | None = None,
    windows: by_window.WindowOpener | None = None,
) -> report_files.Result:
    """Checks for leaks, runs every system and measures its output.

    Args:
      data: The prepared set.
      cases: Cases of the split.
      makers: List makers by name, in the order of the report.
      scorers: Impression scorers by name; not run where the log has no impressions.
      split: `TEST` or `VALIDATION`.
      config: Settings of lengths, slices and resamples.
      orders: Scorers that only order each user's impressions.
      windows: Opener of the windows that models read; None: of `config.window_events`.

    Raises:
      errors.UserError: An input is at or after its label, or a slice is unknown.
    """
    started = time.perf_counter()
    stated = statement.describe(data, cases, split, config)
    order = leaks.in_order(data, cases, split)
    context = list_metrics.Context(data, cases, config)
    windows = windows or by_window.WindowOpener(config.window_events)
    made = lists.made(data, cases, makers, context.length, windows)
    of_lists = {name: list_metrics.of_lists(context, v) for name, v in made.items()}
    shown = _shown(data, scorers, orders or {}, split, config, windows)
    windows.close()
    ordered = _shown_lists(data.log, cases, made, shown, config)
    entries = {name: entry for name, (entry, _) in of_lists.items()}
    per_user = {name: values for name, (_, values) in of_lists.items()}
    systems = {k: v for k, v in made.items() if k not in lists.PAGE_BOUNDS}
    sliced = slices.measure(context, systems, per_user)
    report = report_model.Report(
        made=_made(started, config),
        protocol=dataclasses.replace(stated, ranker=shown.rules),
        leaks=order,
        lists=entries,
        curves={name: list_metrics.curves(context, v) for name, v in made.items()},
        slices=sliced,
        quality_gaps=quality_gaps.of_slices(sliced),
        impressions=shown.entries,
        impression_slices=shown.slices,
        calibration=shown.calibration,
        outcomes=shown.outcomes,
        shown_lists=ordered,
        gap_closed=_gaps_closed(lists=entries, impressions=shown.entries),
        ranker_gain=gains.of_ranker(per_user, config),
        page_gaps=gains.page_gaps(per_user, config),
        recommended=_recommended(context, systems),
        examples=examples.choose(context, systems),
        config=_config(data, config),
    )
    table = users.table(data.log, cases, per_user, shown.impressions, shown.parts)
    inputs = {prepared.KIND: data.manifest.fingerprint}
    return report_files.Result(report, table, inputs)


@dataclasses.dataclass(frozen=True)
class _Shown:
    """Measurements on impressions; empty where the log has none.

    Attributes:
      impressions: Impressions that predictions are measured on.
      ranked: Impressions in lists with an order.
      scores: `[n]` scores of each system, higher = placed first.
    """

    impressions: ranker.SplitImpressions | None = None
    ranked: ranker.SplitImpressions | None = None
    rules: report_parts.ImpressionRules | None = None
    entries: dict[str, report_model.Entry] = dataclasses.field(default_factory=dict)
    parts: dict[str, impression_metrics.Parts] = dataclasses.field(default_factory=dict)
    slices: dict[str, tuple[report_model.ImpressionSliceRow, ...]] = dataclasses.field(
        default_factory=dict
    )
    calibration: dict[str, report_model.CalibrationReport] = dataclasses.field(
        default_factory=dict
    )
    scores: dict[str, npt.NDArray[np.floating]] = dataclasses.field(
        default_factory=dict
    )
    outcomes: report_model.OutcomesReport | None = None


def _shown(
    data: prepared.PreparedData,
    scorers: Mapping[str, ranker.Scorer],
    orders: Mapping[str, ranker.Scorer],
    split: events.Split,
    config: configs.EvaluationConfig,
    windows: by_window.WindowOpener,
) -> _Shown:
    if not data.log.has_impressions or not (scorers or orders):
        return _Shown()
    impressions = ranker.of_part(data, split, config)
    asked = Systems(scorers=dict(scorers), orders=dict(orders))
    every = ranker.scored(data, impressions, asked.every_scorer, windows)
    ordered = {k: np.asarray(v.list_order) for k, v in every.items()}
    if not scorers:
        return _Shown(ranked=impressions, scores=ordered)
    rules = statement.describe_impressions(data.log, impressions)
    predicted = {name: every[name] for name in scorers}
    sliced = impression_slices.measure(data.catalogue, impressions, predicted, config)
    # As they are asked: those that only order, then those that predict.
    scores = {k: v for k, v in ordered.items() if k not in scorers}
    scores |= {name: ordered[name] for name in scorers}
    of_outcomes = outcome_metrics.measure(
        impressions, data.catalogue.outcomes, predicted, config
    )
    found = _Shown(
        impressions,
        impressions,
        rules,
        slices=sliced,
        scores=scores,
        outcomes=of_outcomes,
    )
    for name, given in predicted.items():
        entry, found.parts[name] = impression_metrics.measure(
            impressions, given, config
        )
        found.entries[name] = entry
        found.calibration[name] = calibration.measure(impressions, given, config)
    return found


def _shown_lists(
    log: user_log.UserLog,
    cases: protocol.Cases,
    made: Mapping[str, lists.Lists],
    shown: _Shown,
    config: configs.EvaluationConfig,
) -> report_parts.ShownLists | None:
    """Returns the orders of each user's impressions; None without impressions."""
    impressions = shown.ranked
    if impressions is None or not len(impressions.rows):
        return None
    systems = {k: v for k, v in made.items() if k not in lists.PAGE_BOUNDS}
    exposed = shown_lists.exposure(cases, systems, impressions, config)
    return shown_lists.measure(log, impressions, shown.scores, config, exposed)


def _recommended(
    context: list_metrics.Context, made: Mapping[str, lists.Lists]
) -> dict[str, report_model.Recommended]:
    found = {name: list_metrics.recommended(context, v) for name, v in made.items()}
    return found | {list_metrics.ANSWERS: list_metrics.answered(context)}


def _gaps_closed(
    **kinds: dict[str, report_model.Entry],
) -> dict[str, dict[str, dict[str, report_parts.Number]]]:
    found = {
        kind: summary.gaps_closed(_watched(entries), lists.POPULARITY, lists.ORACLE)
        for kind, entries in kinds.items()
    }
    return {kind: models for kind, models in found.items() if models}


def _watched(
    entries: Mapping[str, report_model.Entry],
) -> dict[str, report_model.Entry]:
    """Returns the metrics that the oracle of watches bounds: not the page's value."""
    return {
        name: dataclasses.replace(
            entry,
            values={
                metric: value
                for metric, value in entry.values.items()
                if metric_names.stem(metric) not in metric_names.TRUE_PAGE
            },
        )
        for name, entry in entries.items()
        if name not in lists.PAGE_BOUNDS
    }


def _config(
    data: prepared.PreparedData, config: configs.EvaluationConfig
) -> dict[str, Any]:
    settings = {
        "data": configs.to_dict(data.config),
        "evaluation": configs.to_dict(config),
    }
    values: dict[str, Any] = summary.plain(settings)
    return values


def _made(started: float, config: configs.EvaluationConfig) -> report_parts.Measurement:
    return report_parts.Measurement(
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 3),
        versions=environment.versions(),
        git_commit=environment.git_commit(),
        machine=environment.machine(),
        seed=config.seed,
    )
