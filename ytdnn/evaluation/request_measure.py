"""Measures systems, and counts up to each request, by the protocol `requests`."""

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    measure,
    report_files,
    report_parts,
    report_summary,
    report_types,
    request_cases,
    user_means,
    users_in_parts,
)
from ytdnn.log import events, prepared
from ytdnn.retrieval import live_counts

LiveCounts = live_counts.LiveCounts

_JUDGED_BY = "hit_rate"  # the headline's: of the rival, at the shortest length
_CHOSEN_BY = "ndcg"  # at the shortest length, on requests of validation
_NUM_CHOSEN_BY = 1_000
_LEFT_OUT = (lists.ORACLE, lists.AS_TRAINED, *lists.PAGE_BOUNDS)
_BY_SECONDS = report_summary.TWO_STAGE  # ordered by watch time, which hits do not judge
Ranks = npt.NDArray[np.int64]
Parts = dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]


def added(
    result: report_files.Result,
    data: prepared.PreparedData,
    makers: Mapping[str, lists.Maker],
    split: events.Split,
    config: configs.EvaluationConfig,
    windows: users_in_parts.WindowOpener,
    judged: Collection[str],
    num_listed: int | None = None,
) -> report_files.Result:
    """Returns an evaluation with the numbers of systems by requests.

    The users have `requests/MODEL/METRIC@k/numerator`, and so the denominator, of each
    maker's lists. Without requests or judged systems the evaluation stays as it is.

    Args:
      result: The evaluation.
      data: The prepared set.
      makers: Makers of lists, by name.
      split: `TEST` or `VALIDATION`.
      config: Settings of requests, lengths and resamples.
      windows: Opener of the windows that the makers' models read.
      judged: Names of the makers that are compared with all others.
      num_listed: Number of videos that the candidate model can list; None: the
        vocabulary.
    """
    asked = request_cases.cases(data, split, config, num_listed)
    if asked is None or not any(name in judged for name in makers):
        return result
    length = min(max(config.ks), data.num_videos)
    left_out = (*_LEFT_OUT, *(_BY_SECONDS if data.log.has_watch_seconds else ()))
    own = {name: make for name, make in makers.items() if name not in left_out}
    listed = lists.made(data, asked.cases, own, length, windows)
    ranks = {name: answer_ranks(videos, asked) for name, videos in listed.items()}
    begins = data.manifest.facts["windows"]["validation"] - config.delay_seconds
    counts = LiveCounts(data, int(min(asked.moments.min(), begins)))
    best = best_count(data, counts, config)
    ranks = _counted(counts, data, asked) | ranks
    places, users = np.unique(asked.cases.users, return_inverse=True)
    parts = {k: user_sums(v, users, len(places), config.ks) for k, v in ranks.items()}
    metric = metric_names.at(_JUDGED_BY, min(config.ks))
    rivals = sorted([*(own.keys() - {*judged, lists.NETWORK}), best])
    rival = max(rivals, key=lambda name: parts[name][metric][0].sum())
    requests = report_types.RequestsReport(
        requests=len(asked),
        watches=asked.num_watches,
        users=len(places),
        delay_seconds=config.delay_seconds,
        repeats=int(asked.is_repeat.sum()),
        unknown=int((asked.answers > asked.cases.num_listed).sum()),
        best_count=best,
        rival=rival,
        systems={k: user_means.user_ratios(v, config) for k, v in parts.items()},
        by_user={
            name: user_means.user_means({k: a / b for k, (a, b) in own.items()}, config)
            for name, own in parts.items()
        },
        ahead={k: _ahead(parts[k], parts[rival], config) for k in own if k in judged},
    )
    columns: user_means.PerUser = {}
    for name in own:
        columns |= user_means.sides(parts[name], f"{metric_names.REQUESTS}{name}/")
    return dataclasses.replace(
        result,
        report=dataclasses.replace(result.report, requests=requests),
        users=measure.joined(result.users, measure.with_ids(data.log, places, columns)),
    )


def answer_ranks(videos: lists.Lists, asked: request_cases.RequestCases) -> Ranks:
    """Returns the place of each answer in its list, from 0; -1: not listed.

    Args:
      videos: `[n, k]` list of each request.
      asked: The requests.
    """
    hits = videos == asked.answers[:, np.newaxis]
    return without_repeats(np.where(hits.any(axis=1), hits.argmax(axis=1), -1), asked)


def without_repeats(ranks: Ranks, asked: request_cases.RequestCases) -> Ranks:
    """Returns places where repeated watches are misses.

    Args:
      ranks: `[n]` places.
      asked: The requests.
    """
    return np.where(asked.is_repeat, -1, ranks)


def best_count(
    data: prepared.PreparedData, counts: LiveCounts, config: configs.EvaluationConfig
) -> str:
    """Returns the name of the counted list that is best on validation.

    Args:
      data: The prepared set.
      counts: Its watches, counted from the begin of the validation window.
      config: Delay, number of requests and lengths, of which the shortest decides.
    """
    number = min(_NUM_CHOSEN_BY, config.num_requests)
    few = dataclasses.replace(config, num_requests=number)
    validation = request_cases.cases(data, events.Split.VALIDATION, few)
    if validation is None:
        return next(iter(live_counts.WINDOWS))
    k = min(config.ks)
    ranks = _counted(counts, data, validation)
    means = {name: gains(v, k)[_CHOSEN_BY].mean() for name, v in ranks.items()}
    return max(means, key=lambda name: means[name])


def _counted(
    counts: LiveCounts, data: prepared.PreparedData, asked: request_cases.RequestCases
) -> dict[str, Ranks]:
    """Returns the places of answers in each counted list, by its name."""
    requests = asked.counted(data)
    parts = [counts.ranks(window, requests) for window in live_counts.WINDOWS]
    return {k: without_repeats(v, asked) for part in parts for k, v in part.items()}


def gains(ranks: Ranks, k: int) -> dict[str, npt.NDArray[np.float64]]:
    """Returns hit, gain and reciprocal rank of each request at a length.

    Args:
      ranks: `[n]` places, -1: not listed.
      k: The length.
    """
    hits = (ranks >= 0) & (ranks < k)
    places = np.maximum(ranks, 0).astype(np.float64)
    return {
        "hit_rate": hits.astype(np.float64),
        "ndcg": hits / np.log2(places + 2.0),
        "mrr": hits / (places + 1.0),
    }


def user_sums(
    ranks: Ranks, users: npt.NDArray[np.integer], num: int, ks: tuple[int, ...]
) -> Parts:
    """Returns sums over each user's requests and their number, by metric@k.

    Args:
      ranks: `[n]` places, -1: not listed.
      users: `[n]` user of each request, from 0.
      num: Number of users.
      ks: Lengths of the lists.
    """
    number = np.bincount(users, minlength=num).astype(np.float64)
    parts: Parts = {}
    for k in ks:
        for name, values in gains(ranks, k).items():
            sums = np.bincount(users, values, num).astype(np.float64)
            parts[metric_names.at(name, k)] = sums, number
    return parts


def _ahead(
    own: Parts, rival: Parts, config: configs.EvaluationConfig
) -> dict[str, report_parts.WithInterval]:
    """Returns a system less its rival by metric@k, paired by user."""
    gaps = {
        name: (above - rival[name][0], below) for name, (above, below) in own.items()
    }
    return user_means.with_intervals(gaps, config)
