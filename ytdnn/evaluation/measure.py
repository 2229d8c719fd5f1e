"""The report of named systems on a prepared set (schema.json is its shape).

Whoever has a system to measure brings a maker of lists (`lists.Maker`), a scorer of
impressions (`ranker.Scorer`), or both, under one name or several; everything else is
the same for all.
"""

import dataclasses
import datetime
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn import configs, environment
from ytdnn.data import prepared
from ytdnn.evaluation import (
    examples,
    leaks,
    list_metrics,
    lists,
    protocol,
    ranker,
    slices,
    statement,
    summary,
    users,
)

FORMAT_VERSION = 2


@dataclasses.dataclass(frozen=True)
class Result:
    """A report and the values behind it.

    Attributes:
      report: As JSON has it.
      users: One row for each user, see `users`.
      inputs: Fingerprints of the artefacts that were measured.
    """

    report: dict[str, Any]
    users: pl.DataFrame
    inputs: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Systems:
    """Systems to measure, by name, in the order of the report.

    Attributes:
      makers: List makers.
      scorers: Impression scorers.
    """

    makers: dict[str, lists.Maker] = dataclasses.field(default_factory=dict)
    scorers: dict[str, ranker.Scorer] = dataclasses.field(default_factory=dict)


def measure(
    data: prepared.PreparedData,
    cases: protocol.Cases,
    makers: Mapping[str, lists.Maker],
    scorers: Mapping[str, ranker.Scorer],
    split: prepared.Split,
    config: configs.Evaluation,
) -> Result:
    """Checks for leaks, asks every system and measures what it answers.

    Args:
      data: The prepared set.
      cases: Of the split.
      makers: List makers by name, in the order of the report.
      scorers: Impression scorers by name; not asked where the log has no impressions.
      split: `TEST` or `VALIDATION`.
      config: Lengths, slices, resamples.

    Raises:
      errors.UserError: An input lies at or after its label, or a slice is unknown.
    """
    started = time.perf_counter()
    context = list_metrics.Context(data, cases, config)
    report: dict[str, Any] = {"format_version": FORMAT_VERSION, "made": {}}
    report["protocol"] = statement.describe(data, cases, split, config)
    report["leaks"] = leaks.in_order(data, cases, split)
    made = {name: make(cases, context.length) for name, make in makers.items()}
    per_user = _measure_lists(report, context, made)
    impressions, parts = None, {}
    if data.has_impressions and scorers:
        impressions = ranker.Impressions(data, split)
        parts = _measure_impressions(report, data, impressions, scorers, config)
    for kind in ("lists", "impressions"):
        gaps = summary.gaps_closed(report.get(kind, {}), lists.POPULARITY, lists.ORACLE)
        if gaps:
            report.setdefault("gap_closed", {})[kind] = gaps
    report["examples"] = examples.choose(context, made)
    report["made"] = _made(started, config)
    values: dict[str, Any] = summary.plain(report)
    inputs = {prepared.KIND: data.manifest.fingerprint}
    table = users.table(data, cases, per_user, impressions, parts)
    return Result(values, table, inputs)


def _measure_lists(
    report: dict[str, Any],
    context: list_metrics.Context,
    made: Mapping[str, lists.Lists],
) -> dict[str, summary.PerUser]:
    report |= {"lists": {}, "curves": {}, "recommended": {}}
    per_user = {}
    for name, found in made.items():
        report["lists"][name], per_user[name] = list_metrics.of_lists(context, found)
        report["curves"][name] = list_metrics.curves(context, found)
        report["recommended"][name] = list_metrics.recommended(context, found)
    report["recommended"][list_metrics.ANSWERS] = list_metrics.answered(context)
    report["slices"] = slices.measure(context, made)
    return per_user


def _measure_impressions(
    report: dict[str, Any],
    data: prepared.PreparedData,
    impressions: ranker.Impressions,
    scorers: Mapping[str, ranker.Scorer],
    config: configs.Evaluation,
) -> dict[str, ranker.Parts]:
    report["protocol"] |= statement.describe_impressions(data, impressions)
    report |= {"impressions": {}, "calibration": {}}
    parts = {}
    for name, score in scorers.items():
        logits = np.asarray(score(impressions), np.float64)
        entry, parts[name] = ranker.measure(impressions, logits, config)
        report["impressions"][name] = entry
        report["calibration"][name] = ranker.calibration(impressions, logits)
    return parts


def _made(started: float, config: configs.Evaluation) -> dict[str, Any]:
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 3),
        "versions": environment.versions(),
        "git_commit": environment.git_commit(),
        "machine": environment.machine(),
        "seed": config.seed,
    }
