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
import polars as pl

from ytdnn.base import configs, environment, schema
from ytdnn.base.metrics import metric_names, ranking, retrieval
from ytdnn.evaluation import (
    best_baselines,
    by_window,
    calibration,
    impression_metrics,
    leaks,
    list_metrics,
    lists,
    outcome_metrics,
    protocol,
    ranker,
    report_files,
    report_model,
    report_parts,
    shown_baselines,
    shown_lists,
    slices,
    statement,
    summary,
)
from ytdnn.log import catalogues, events, prepared, user_log

_EXAMPLE_LENGTH = 10
_USER_COLUMNS = (schema.AGE, schema.GENDER, schema.COUNTRY, schema.LANGUAGE)
_VIDEO_COLUMNS = (schema.TITLE, schema.TOPIC, schema.CHANNEL_ID)


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
    listed = lists.made(data, cases, makers, context.length, windows)
    entries, per_user = {}, {}
    for name, of_model in listed.items():
        entries[name], per_user[name] = list_metrics.measure_lists(context, of_model)
    shown = _shown(data, scorers, orders or {}, split, config, windows)
    windows.close()
    systems = {k: v for k, v in listed.items() if k not in lists.PAGE_BOUNDS}
    report = report_model.Report(
        made=_made(started, config),
        protocol=dataclasses.replace(stated, ranker=shown.rules),
        leaks=order,
        lists=entries,
        slices=slices.measure(context, _without_baselines(systems)),
        impressions=shown.entries,
        best_baselines=shown.best,
        calibration=shown.calibration,
        outcomes=shown.outcomes,
        shown_lists=shown.ordered,
        ranker_gain=summary.ranker_gain(per_user, config),
        examples=_examples(context, _without_baselines(systems)),
        config=_config(data, config),
    )
    table = _users(data.log, cases, per_user, shown)
    inputs = {prepared.KIND: data.manifest.fingerprint}
    return report_files.Result(report, table, inputs)


def _without_baselines(listed: Mapping[str, lists.Lists]) -> dict[str, lists.Lists]:
    """Returns the lists to look into: popularity is there to compare with."""
    return {name: own for name, own in listed.items() if name not in lists.BASELINES}


@dataclasses.dataclass(frozen=True)
class _ImpressionResults:
    """Measurements on impressions; empty where the log has none.

    Attributes:
      impressions: Impressions that predictions are measured on.
      ordered: Orders of each user's impressions.
      best: Best baseline of each kind of prediction.
    """

    impressions: ranker.SplitImpressions | None = None
    ordered: report_parts.ShownLists | None = None
    rules: report_parts.ImpressionRules | None = None
    entries: dict[str, report_model.Entry] = dataclasses.field(default_factory=dict)
    parts: dict[str, impression_metrics.Parts] = dataclasses.field(default_factory=dict)
    calibration: dict[str, report_model.CalibrationReport] = dataclasses.field(
        default_factory=dict
    )
    outcomes: report_model.OutcomesReport | None = None
    best: dict[str, report_parts.BestBaseline] = dataclasses.field(default_factory=dict)


def _shown(
    data: prepared.PreparedData,
    scorers: Mapping[str, ranker.Scorer],
    orders: Mapping[str, ranker.Scorer],
    split: events.Split,
    config: configs.EvaluationConfig,
    windows: by_window.WindowOpener,
) -> _ImpressionResults:
    if not data.log.has_impressions or not (scorers or orders):
        return _ImpressionResults()
    impressions = ranker.split_impressions(data, split, config)
    systems = Systems(scorers=dict(scorers), orders=dict(orders))
    every = ranker.scored(data, impressions, systems.every_scorer, windows)
    # Those that only order come first.
    names = sorted(every, key=lambda name: name in scorers)
    if data.log.has_watch_seconds:
        names = [name for name in names if name not in shown_baselines.CLICKS]
    scores = {name: np.asarray(every[name].list_order) for name in names}
    ordered = None
    if len(impressions.rows):
        ordered = shown_lists.measure(data.log, impressions, scores, config)
    if not scorers:
        return _ImpressionResults(ordered=ordered)
    predicted = {name: every[name] for name in scorers}
    result = _ImpressionResults(
        impressions,
        ordered,
        statement.describe_impressions(data.log, impressions),
        outcomes=outcome_metrics.measure(
            impressions, data.catalogue.outcomes, predicted, config
        ),
    )
    for name, model_predictions in predicted.items():
        result.entries[name], result.parts[name] = impression_metrics.measure(
            impressions, model_predictions, config
        )
        if name not in shown_baselines.NAMES:
            result.calibration[name] = calibration.measure(
                impressions, model_predictions, config
            )
    best = best_baselines.compare(
        impressions, predicted, result.entries, result.parts, config
    )
    return dataclasses.replace(result, best=best)


def _users(
    log: user_log.UserLog,
    cases: protocol.Cases,
    per_user: Mapping[str, summary.PerUser],
    shown: _ImpressionResults,
) -> pl.DataFrame:
    """Returns the values of each user, so that two reports can be paired.

    One row for each user with a case or an impression. Lists: a column `MODEL/METRIC@k`
    for each mean over users, and `answers`, the number of right answers. Impressions:
    `MODEL/METRIC/numerator` and `MODEL/METRIC/denominator`; the metric is the ratio of
    their sums. Null where a user has no value.
    """
    columns = {report_files.ANSWERS: np.diff(cases.targets.offsets)}
    for model, values in per_user.items():
        columns |= {f"{model}/{name}": value for name, value in values.items()}
    table = _with_ids(log, cases.users, columns)
    if shown.impressions is not None and shown.parts:
        columns = {
            f"{model}/{name}/{side}": values
            for model, parts in shown.parts.items()
            for name, both in parts.items()
            for side, values in zip(metric_names.SIDES, both, strict=True)
        }
        others = _with_ids(log, shown.impressions.user_indices, columns)
        table = table.join(others, on=schema.USER_ID, how="full", coalesce=True)
    return table.sort(schema.USER_ID)


def _with_ids(
    log: user_log.UserLog, users: np.ndarray, columns: Mapping[str, np.ndarray]
) -> pl.DataFrame:
    ids = log.users[schema.USER_ID].gather(pl.Series(users, dtype=pl.UInt32))
    return pl.DataFrame({schema.USER_ID: ids, **columns}).fill_nan(None)


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


def _examples(
    context: list_metrics.Context, listed: Mapping[str, lists.Lists]
) -> tuple[report_model.Example, ...]:
    """Returns a few users with history, recommendations and right answers.

    Users are sorted by one model's recall, and taken at evenly spaced places from the
    worst to the best.

    Args:
      context: Cases and their number.
      listed: Lists of each model; users are sorted by the last model that is
        no oracle.
    """
    ranked_by = [name for name in listed if name != lists.ORACLE]
    if not ranked_by:
        return ()
    targets = context.cases.targets
    k = min(_EXAMPLE_LENGTH, context.length)
    hits = retrieval.hits_of(listed[ranked_by[-1]], *targets)
    recall = ranking.recall(hits, np.diff(targets.offsets), k)
    order = np.argsort(recall, kind="stable")
    places = np.linspace(0, len(order) - 1, context.config.num_examples)
    rows = order[places.astype(int)]
    return tuple(_example(context, listed, int(row)) for row in rows)


def _example(
    context: list_metrics.Context, lists_by_name: Mapping[str, lists.Lists], row: int
) -> report_model.Example:
    data, cases = context.data, context.cases
    answers, history = (
        part.take(np.array([row])).values for part in (cases.targets, cases.watched)
    )
    listed = {
        name: tuple(
            report_model.ListedVideo(
                **_video_facts(data.catalogue, video), is_answer=video in answers
            )
            for video in videos[row, :_EXAMPLE_LENGTH].tolist()
            if video > 0
        )
        for name, videos in lists_by_name.items()
    }
    user = data.users.row(int(cases.users[row]), named=True)
    return report_model.Example(
        user_id=user[schema.USER_ID],
        facts={
            name: user[name] for name in _USER_COLUMNS if user.get(name) is not None
        },
        history_length=len(history),
        history=_videos(data.catalogue, history[-_EXAMPLE_LENGTH:]),
        lists=listed,
        num_answers=len(answers),
        answers=_videos(data.catalogue, answers[:_EXAMPLE_LENGTH]),
    )


def _videos(
    catalogue: catalogues.Catalogue, indices: npt.NDArray[np.integer]
) -> tuple[report_model.ReportVideo, ...]:
    return tuple(
        report_model.ReportVideo(**_video_facts(catalogue, index))
        for index in indices.tolist()
    )


def _video_facts(catalogue: catalogues.Catalogue, index: int) -> dict[str, Any]:
    """Returns id and metadata of a video."""
    row = catalogue.videos.row(index - 1, named=True)
    known = {name: row[name] for name in _VIDEO_COLUMNS if row.get(name) is not None}
    return {schema.VIDEO_ID: row[schema.VIDEO_ID]} | known
