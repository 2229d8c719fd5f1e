"""The report of named systems on a prepared set (types: `report_types`).

A system is a maker of lists (`lists.Maker`), a scorer of impressions
(`shown_scorers.Scorer`), or both, under one name or several; everything else is the
same for all systems.
"""

import dataclasses
import datetime
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import configs, formats, machine_facts, registries, schema
from ytdnn.evaluation import (
    best_baselines,
    impression_metrics,
    leaks,
    list_metrics,
    lists,
    outcome_metrics,
    report_files,
    report_parts,
    report_protocol,
    report_types,
    shown_baselines,
    shown_lists,
    shown_scorers,
    slices,
    user_cases,
    user_means,
    users_in_parts,
)
from ytdnn.log import events, prepared, prepared_log

_EXAMPLES = "examples"  # the hook that chooses users to show


@dataclasses.dataclass(frozen=True)
class Systems:
    """Systems to measure, by name, in the order of the report.

    Attributes:
      makers: List makers.
      scorers: Impression scorers.
      orders: Scorers that only order each user's impressions.
    """

    makers: dict[str, lists.Maker] = dataclasses.field(default_factory=dict)
    scorers: dict[str, shown_scorers.Scorer] = dataclasses.field(default_factory=dict)
    orders: dict[str, shown_scorers.Scorer] = dataclasses.field(default_factory=dict)


def measure(
    data: prepared.PreparedData,
    cases: user_cases.Cases,
    makers: Mapping[str, lists.Maker],
    scorers: Mapping[str, shown_scorers.Scorer],
    split: events.Split,
    config: configs.EvaluationConfig,
    orders: Mapping[str, shown_scorers.Scorer] | None = None,
    windows: users_in_parts.WindowOpener | None = None,
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
    stated = report_protocol.describe(data, cases, split, config)
    order = leaks.in_order(data, cases, split)
    context = list_metrics.Context(data, cases, config)
    windows = windows or users_in_parts.WindowOpener(config.window_events)
    listed = lists.made(data, cases, makers, context.length, windows)
    entries, per_user = {}, {}
    for name, of_model in listed.items():
        entries[name], per_user[name] = list_metrics.measure_lists(context, of_model)
    shown, own = _shown(data, scorers, orders or {}, split, config, windows)
    windows.close()
    others = (*lists.PAGE_BOUNDS, *lists.BASELINES)
    systems = {name: v for name, v in listed.items() if name not in others}
    examples = registries.HOOKS.get(_EXAMPLES)
    settings = {"data": data.config, "evaluation": config}
    report = report_types.Report(
        made=_made(started, config),
        protocol=dataclasses.replace(stated, ranker=shown.pop("rules", None)),
        leaks=order,
        lists=entries,
        slices=slices.measure(context, systems),
        ranker_gain=user_means.ranker_gain(per_user, config),
        examples=() if examples is None else examples.make(context, systems),
        config=formats.plain({k: configs.to_dict(v) for k, v in settings.items()}),
        **shown,
    )
    columns = {report_files.ANSWERS: np.diff(cases.targets.offsets)}
    for model, values in per_user.items():
        columns |= {f"{model}/{name}": value for name, value in values.items()}
    table = joined(with_ids(data.log, cases.users, columns), own)
    inputs = {prepared.KIND: data.manifest.fingerprint}
    return report_files.Result(report, table, inputs)


def _shown(
    data: prepared.PreparedData,
    scorers: Mapping[str, shown_scorers.Scorer],
    orders: Mapping[str, shown_scorers.Scorer],
    split: events.Split,
    config: configs.EvaluationConfig,
    windows: users_in_parts.WindowOpener,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Returns the fields of the report on impressions, and the values of users.

    `rules` is a field of the protocol. There is no field where the log has no
    impressions, and there are no values without scorers.
    """
    nobody = with_ids(data.log, np.zeros(0, np.int64), {})
    if not data.log.has_impressions or not (scorers or orders):
        return {}, nobody
    impressions = shown_scorers.split_impressions(data, split, config)
    only_order = {name: one for name, one in orders.items() if name not in scorers}
    asked = {**scorers, **only_order}
    every = shown_scorers.scored(data, impressions, asked, windows)
    # Those that only order come first.
    names = sorted(every, key=lambda name: name in scorers)
    if data.log.has_watch_seconds:
        names = [name for name in names if name not in shown_baselines.CLICKS]
    scores = {name: np.asarray(every[name].list_order) for name in names}
    fields: dict[str, Any] = {}
    if len(impressions.rows):
        ordered = shown_lists.measure(data.log, impressions, scores, config)
        fields["shown_lists"] = ordered
    if not scorers:
        return fields, nobody
    predicted = {name: every[name] for name in scorers}
    entries, parts = {}, {}
    for name, one in predicted.items():
        measured = impression_metrics.measure(impressions, one, config)
        entries[name], parts[name] = measured
    fields["rules"] = report_protocol.describe_impressions(data.log, impressions)
    fields["impressions"] = entries
    fields["outcomes"] = outcome_metrics.measure(
        impressions, data.catalogue.outcomes, predicted, config
    )
    fields["calibration"] = {
        name: impression_metrics.measure_calibration(impressions, one, config)
        for name, one in predicted.items()
        if name not in shown_baselines.NAMES
    }
    fields["best_baselines"] = best_baselines.compare(
        impressions, predicted, entries, parts, config
    )
    columns: user_means.PerUser = {}
    for name, of_users in parts.items():
        columns |= user_means.sides(of_users, f"{name}/")
    return fields, with_ids(data.log, impressions.user_indices, columns)


def joined(users: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Returns the columns of two tables of users, by user."""
    both = users.join(others, schema.USER_ID, how="full", coalesce=True)
    return both.sort(schema.USER_ID)


def with_ids(
    log: prepared_log.UserLog, users: np.ndarray, columns: Mapping[str, np.ndarray]
) -> pl.DataFrame:
    """Returns `user_id` and columns of values, NaN as null."""
    ids = log.users[schema.USER_ID].gather(pl.Series(users, dtype=pl.UInt32))
    return pl.DataFrame({schema.USER_ID: ids, **columns}).fill_nan(None)


def _made(started: float, config: configs.EvaluationConfig) -> report_parts.Measurement:
    return report_parts.Measurement(
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 3),
        versions=machine_facts.versions(),
        git_commit=machine_facts.git_commit(),
        machine=machine_facts.machine(),
        seed=config.seed,
    )
