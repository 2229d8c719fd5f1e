"""Warnings about a run that is no better than counting, with the causes found."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ytdnn.base import artifacts, configs, schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    ranker,
    report_files,
    report_model,
    report_parts,
    summary,
)
from ytdnn.log import events, log_warnings, user_log

_REASONS = "Likely reasons:"
_NO_REASON = (
    "None of the usual causes was found (few users or watches, too few epochs, the "
    "split, unmatched ids): what is watched next may depend little on what was watched "
    "before."
)
_STAGE = "candidates"
_JUDGE = metric_names.LIST_NDCG
_RIVALS = {ranker.POPULARITY: "popularity", lists.CANDIDATES: "the candidate model"}
_MONITOR = "ndcg@10"
_FEW_USERS = 1_000  # the half interval of a hit rate near 0.1 is then 0.02
# docs/defaults.md lists the conditions, under "Where a run is not above what is
# counted".
_FEW_WATCHES_OF_A_VIDEO = 10.0
_LATE = 0.75  # of the epochs, since when validation must have gained
_GAIN = 1.02  # times the best value before
_FEW_PLACES = 100.0  # effective ones, below which an estimate says little
_READ_HISTORIES = ("markov", "co_watch", "user_neighbours", "als")
_SMALL_SHARE = 0.1  # of the users, who have answers in the window
_LARGE_SHARE = 0.25  # of the answers, without a training watch


class _Gain(NamedTuple):
    """A difference to the best counted system and its 95 % interval."""

    rival: str
    value: float
    low: float
    high: float


def of_run(
    workdir: pathlib.Path,
    log: user_log.UserLog,
    result: report_files.Result,
    config: configs.Config,
) -> tuple[str, ...]:
    """Returns warnings about a run that is not better than every counted baseline.

    Args:
      workdir: Directory of the run.
      log: The users and events of its prepared set.
      result: Its evaluation.
      config: Its settings.
    """
    gain = _gain(result, config.evaluation)
    found: list[str] = []
    if gain is not None and gain.low <= 0.0:
        reasons = [
            *_causes(result, log, gain),
            *_of_training(workdir, result.report, config),
        ]
        headline = _headline(result.report, gain, config)
        found = [f"{headline} {_REASONS if reasons else _NO_REASON}", *reasons]
    more = (
        *_of_ranker(result.report, log.facts),
        *_of_off_policy(result.report.off_policy),
    )
    return (*found, *more)


def _gain(
    result: report_files.Result, config: configs.EvaluationConfig
) -> _Gain | None:
    """Returns the candidates' nDCG minus the best counted baseline's, paired by user.

    None if the candidates or popularity were not measured.
    """
    metric, users = metric_names.at("ndcg", config.ks[0]), result.users
    counted = (lists.POPULARITY, *lists.BASELINES)
    there = [name for name in counted if f"{name}/{metric}" in users.columns]
    if not there or f"{lists.CANDIDATES}/{metric}" not in users.columns:
        return None
    of_lists = result.report.lists
    rival = max(there, key=lambda name: of_lists[name].values[metric] or 0.0)
    first, second = (
        users[f"{name}/{metric}"].cast(pl.Float64).to_numpy()
        for name in (lists.CANDIDATES, rival)
    )
    entry = summary.of_users({"gain": first - second}, config)
    found = (entry.values["gain"], *entry.intervals["gain"])
    return _Gain(rival, *(value or 0.0 for value in found))


def _headline(
    report: report_model.Report,
    gain: _Gain,
    config: configs.Config,
) -> str:
    metric = metric_names.at("ndcg", config.evaluation.ks[0])
    own, counted = (
        report.lists[m].values[metric] or 0.0 for m in (lists.CANDIDATES, gain.rival)
    )
    words = "is not" if gain.value <= 0.0 else "is not clearly"
    return (
        f"The candidate model {words} above {gain.rival}: "
        f"nDCG@{config.evaluation.ks[0]} {own:.4f} against {counted:.4f}, difference "
        f"{gain.value:+.4f} (95 % interval {gain.low:+.4f} to {gain.high:+.4f})."
    )


def _causes(
    result: report_files.Result,
    log: user_log.UserLog,
    gain: _Gain,
) -> Iterator[str]:
    rules = result.report.protocol
    if rules.users < _FEW_USERS:
        yield _few_users(rules, gain)
    yield from _of_split(rules, log)
    trained = log.shard_index.count(
        "watches", lambda watches: np.asarray(watches.splits) == events.Split.TRAIN
    )
    per_video = float(trained.sum()) / rules.videos
    if per_video < _FEW_WATCHES_OF_A_VIDEO:
        yield (
            f"Few watches: {per_video:.1f} training watches for each of "
            f"{rules.videos:,} videos. --min_item_count=5 leaves out rare ones."
        )
    yield from _of_ids(log.facts)
    if gain.rival in _READ_HISTORIES and gain.high < 0.0:
        yield (
            f"The network: {gain.rival} reads the same histories and finds more in "
            f"them, so settings are at fault. A sweep of settings finds better ones by "
            f"validation: docs/sweep.md."
        )


def _few_users(rules: report_parts.Protocol, gain: _Gain) -> str:
    half = (gain.high - gain.low) / 2.0
    more = ""
    if gain.value > 0.0:
        needed = int(np.ceil(rules.users * (half / gain.value) ** 2))
        more = f"; about {needed:,} would tell {gain.value:+.4f} from no difference"
    return f"Few users: {rules.users:,} were asked{more}."


def _of_split(rules: report_parts.Protocol, log: user_log.UserLog) -> Iterator[str]:
    num_users = log.num_users
    is_in_time = rules.name != "leave_one_out"
    if is_in_time and rules.users < _SMALL_SHARE * num_users:
        yield (
            f"The split: only {rules.users:,} of {num_users:,} users have an answer in "
            f"the {rules.split} window. A greater --config.data.test_fraction or "
            f"--protocol=leave_one_out asks more of them."
        )
    unknown = rules.answers_out_of_vocabulary
    if unknown > _LARGE_SHARE * rules.answers:
        advice = (
            "Smaller --config.data.test_fraction and ranking_fraction bring the window "
            "nearer."
            if is_in_time
            else "--min_item_count=5 leaves out videos with fewer than five watches."
        )
        yield (
            f"The split: {unknown:,} of {rules.answers:,} right answers "
            f"({unknown / rules.answers:.0%}) are videos without a training watch. "
            f"{advice}"
        )


def _of_ids(facts: Mapping[str, Any]) -> Iterator[str]:
    for one in facts.get("unmatched", ()):
        is_catalogue = one["table"] == schema.VIDEOS  # may hold what nobody watched
        if not is_catalogue and one["number"] > _LARGE_SHARE * one["of"]:
            yield (
                f"Unmatched ids: {one['number']:,} of {one['of']:,} ids of "
                f"{one['table']}.{one['column']} have no watch. Check that both tables "
                f"spell ids alike."
            )


def _of_training(
    workdir: pathlib.Path, report: report_model.Report, config: configs.Config
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
        moment = "after" if best else "before"
        yield (
            f"Training: validation nDCG@10 was best {moment} the first of {epochs} "
            f"epochs. Give a smaller --config.candidates.training.learning_rate and "
            f"table_learning_rate."
        )


def _of_ranker(report: report_model.Report, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yields a line for each order that the ranker should beat but does not."""
    found = report.shown_lists
    if found is None or ranker.RANKER not in found.systems:
        return
    own, rivals = found.systems[ranker.RANKER], []
    for name, words in _RIVALS.items():
        gain, low, high = found.ahead.get(name, {}).get(_JUDGE, (None, None, None))
        if gain is not None and gain <= 0.0:
            held = found.systems[name][_JUDGE][0] or 0.0
            ends = f"{low or 0.0:+.3f} to {high or 0.0:+.3f}"
            rivals.append(f"{words} ({held:.3f}; difference {gain:+.3f}, {ends})")
    if rivals:
        yield (
            f"The ranker is not above {' and '.join(rivals)} on this window: nDCG by "
            f"{found.gain.replace('_', ' ')} of all videos shown to each user is "
            f"{own[_JUDGE][0] or 0.0:.3f} in its order. Give it more impressions "
            f"(--config.data.ranking_fraction) or other settings, judged on validation "
            f"(ytdnn study); --config.ranking.enabled=false leaves it out."
        )
        for note in facts.get("doubts", ()):
            if log_warnings.UNWATCHED_CLICKS in note:
                yield f"A likely reason: {note.removeprefix('note: ')}."


def _of_off_policy(found: report_model.OffPolicy | None) -> Iterator[str]:
    """Yields a line if the log has little information on the slates of the run."""
    if found is None:
        return
    name = list(found.systems)[-1]  # both stages, or the candidates
    value = found.systems[name]
    if value.effective_places < _FEW_PLACES:
        yield (
            f"The log says little of the pages of this run ({name}): its estimates "
            f"rest on the worth of {value.effective_places:,.0f} of {found.places:,} "
            f"logged places. A log made with more exploration "
            f"(--config.composition.temperature) or by a recommender more like it, or "
            f"more pages (--config.evaluation.off_policy_pages), would say more."
        )
        return  # of few weights the mean is not known well
    high = value.mean_weight[2]
    if high is not None and high < 1.0:
        yield (
            f"The log could not have shown what this run ({name}) would: the mean "
            f"weight of logged places is {value.mean_weight[0] or 0.0:.2f} (95 % "
            f"interval up to {high:.2f}), where 1 is expected. IPS lacks what the rest "
            f"would have brought; SNIPS takes it for as good as what was shown."
        )
