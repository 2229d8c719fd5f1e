"""Warnings about a run that is no better than counting, with their likely reasons.

docs/defaults.md lists the conditions, under "Where a run is not above what is counted".
"""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from ytdnn.base import artifacts, configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    report_files,
    report_types,
    shown_baselines,
    shown_scorers,
    tables,
    user_means,
)
from ytdnn.log import events, prepared_log

Result = report_files.Result
Report = report_types.Report
UserLog = prepared_log.UserLog

_STAGE = "candidates"
_JUDGE = metric_names.LIST_NDCG
_RIVALS = {
    shown_scorers.POPULARITY: "popularity",
    lists.CANDIDATES: "the candidate model",
}
_RIVALS |= {k: tables.model_title(k) for k in shown_baselines.NAMES if "frozen" in k}
_MONITOR = "ndcg@10"
_FEW_USERS = 1_000  # the half interval of a hit rate near 0.1 is then 0.02
_FEW_WATCHES_OF_A_VIDEO = 10.0
_LATE = 0.75  # of the epochs, since when validation must have gained
_GAIN = 1.02  # times the best value before
_FEW_PLACES = 100.0  # effective ones, below which an estimate says little
_COUNTED = ("popularity", "recent_popularity")  # other baselines read histories
_LARGE_SHARE = 0.25  # of the answers, without a training watch


class _Gain(NamedTuple):
    """A difference to the best counted system and its 95 % interval."""

    rival: str
    value: float
    low: float
    high: float


def warn_of_baselines(
    workdir: pathlib.Path, log: UserLog, result: Result, config: configs.Config
) -> tuple[str, ...]:
    """Returns warnings about a run that is not better than every counted baseline.

    Args:
      workdir: Directory of the run.
      log: The users and events of its prepared set.
      result: Its evaluation.
      config: Its settings.
    """
    report, gain = result.report, _gain(result, config.evaluation)
    lines: list[str] = []
    if gain is not None and gain.low <= 0.0:
        lines = [
            _headline(report, gain, config.evaluation.ks[0]),
            *_reasons(report, log, gain, config.candidates.model.kind),
            *_training_reasons(workdir, report, config),
        ]
    return (*lines, *_ranker_warnings(report), *_off_policy_warnings(report))


def _gain(result: Result, config: configs.EvaluationConfig) -> _Gain | None:
    """Returns the candidates' nDCG minus the best counted baseline's, paired by user.

    None if the candidates or popularity were not measured.
    """
    metric, users = metric_names.at("ndcg", config.ks[0]), result.users
    counted = (lists.POPULARITY, *lists.BASELINES)
    measured = [name for name in counted if f"{name}/{metric}" in users.columns]
    if not measured or f"{lists.CANDIDATES}/{metric}" not in users.columns:
        return None
    entries = result.report.lists
    rival = max(measured, key=lambda name: entries[name].values[metric] or 0.0)
    first, second = (
        users[f"{name}/{metric}"].cast(pl.Float64).to_numpy()
        for name in (lists.CANDIDATES, rival)
    )
    entry = user_means.user_means({"gain": first - second}, config)
    ends = (entry.values["gain"], *entry.intervals["gain"])
    return _Gain(rival, *(value or 0.0 for value in ends))


def _headline(report: Report, gain: _Gain, k: int) -> str:
    metric = metric_names.at("ndcg", k)
    own, counted = (
        report.lists[m].values[metric] or 0.0 for m in (lists.CANDIDATES, gain.rival)
    )
    words = "is not" if gain.value <= 0.0 else "is not clearly"
    return (
        f"The candidate model {words} above {gain.rival}: nDCG@{k} {own:.4f} against "
        f"{counted:.4f}, difference {gain.value:+.4f} (95 % interval {gain.low:+.4f} "
        f"to {gain.high:+.4f})."
    )


def _reasons(report: Report, log: UserLog, gain: _Gain, model: str) -> Iterator[str]:
    rules = report.protocol
    if rules.users < _FEW_USERS:
        yield f"Few users: {rules.users:,} were asked."
    unknown = rules.answers_out_of_vocabulary
    if unknown > _LARGE_SHARE * rules.answers:
        yield (
            f"The split: {unknown:,} of {rules.answers:,} right answers "
            f"({unknown / rules.answers:.0%}) are videos without a training watch. "
            f"Smaller --config.data.test_fraction and ranking_fraction bring the "
            f"window nearer; --min_item_count=5 leaves out rare videos."
        )
    trained = log.shard_index.count(
        "watches", lambda watches: np.asarray(watches.splits) == events.Split.TRAIN
    )
    per_video = float(trained.sum()) / rules.videos
    if per_video < _FEW_WATCHES_OF_A_VIDEO:
        yield (
            f"Few watches: {per_video:.1f} training watches for each of "
            f"{rules.videos:,} videos. --min_item_count=5 leaves out rare ones."
        )
    if model == "network" and gain.rival not in _COUNTED and gain.high < 0.0:
        yield (
            f"The network: {gain.rival} reads the same histories and finds more in "
            f"them. Try `ytdnn sweep`; --config.candidates.model={gain.rival} lets it "
            f"answer `ytdnn recommend`, without a bundle."
        )


def _training_reasons(
    workdir: pathlib.Path, report: Report, config: configs.Config
) -> Iterator[str]:
    facts = artifacts.read_manifest(workdir / _STAGE, _STAGE).facts
    curve = report.training.get(_STAGE)
    values = [v for v in (curve.scalars.get(_MONITOR, ()) if curve else ()) if v]
    limit = config.candidates.training.epochs
    if not values or "best_epoch" not in facts:
        return
    epochs, best = int(facts["epochs"]), int(facts["best_epoch"])
    before = max(values[: max(1, int(_LATE * len(values)))])
    if epochs == limit and (len(values) == 1 or values[-1] > _GAIN * before):
        yield (
            f"Too few epochs: validation nDCG@10 still rose at the end, "
            f"to {values[-1]:.4f} after epoch {epochs} of {limit}. Give "
            f"--config.candidates.training.epochs={2 * limit}."
        )
    elif best == 0 or (best == 1 and values[-1] < values[0]):
        yield (
            f"Training: validation nDCG@10 was best {'after' if best else 'before'} "
            f"the first of {epochs} epochs. Give a smaller "
            f"--config.candidates.training.learning_rate and table_learning_rate."
        )


def _ranker_warnings(report: Report) -> Iterator[str]:
    """Yields a line if the ranker does not beat every order that it should."""
    shown = report.shown_lists
    if shown is None or shown_scorers.RANKER not in shown.systems:
        return
    own, rivals = shown.systems[shown_scorers.RANKER][_JUDGE][0], []
    for name, words in _RIVALS.items():
        gain, low, high = shown.ahead.get(name, {}).get(_JUDGE, (None, None, None))
        if gain is not None and gain <= 0.0:
            value = shown.systems[name][_JUDGE][0] or 0.0
            ends = f"{low or 0.0:+.3f} to {high or 0.0:+.3f}"
            rivals.append(f"{words} ({value:.3f}; difference {gain:+.3f}, {ends})")
    if rivals:
        yield (
            f"The ranker is not above {' and '.join(rivals)} on this window: nDCG by "
            f"{shown.gain.replace('_', ' ')} of all videos shown to each user is "
            f"{own or 0.0:.3f} in its order. Give it more impressions "
            f"(--config.data.ranking_fraction) or other settings, judged on validation "
            f"(ytdnn study); --config.ranking.enabled=false leaves it out."
        )


def _off_policy_warnings(report: Report) -> Iterator[str]:
    """Yields a line if the log has little information on the slates of the run."""
    estimates = report.off_policy
    if estimates is None:
        return
    name = list(estimates.systems)[-1]  # both stages, or the candidates
    effective = estimates.systems[name].effective_places
    if effective < _FEW_PLACES:
        yield (
            f"The log says little of the pages of this run ({name}): its estimates "
            f"rest on the worth of {effective:,.0f} of {estimates.places:,} logged "
            f"places. A log made with more exploration "
            f"(--config.composition.temperature) would say more."
        )
