"""Chooses the served order: ranker's, candidates' or counted (`ranking.enabled=auto`).

Both are compared on the validation window, which neither stage was fitted to, by the
order of each user's impressions (`shown_lists`); hits would count only videos that the
log chose to show. The better of the two orders is served. If watch time is logged and
the interval of their difference contains 0, a ranker above popularity is served, as
only the ranker has learned watch time.

Where nearly every impression is of a video that its user watched, as in ratings, they
tell what is liked among the watched and not what is watched: the candidates' order is
served.

A count of each video's impressions before the window (`shown_baselines`) is served
where it is surely better than the ranker and not below the candidates; its interval is
corrected for the number of counts (Bonferroni). Popularity, odds of the training window
alone, is only named: a ranker that is not above it gets advice.
"""

import functools
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, ragged, schema
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    lists,
    models,
    order_choice_artifact,
    report_parts,
    shown_baselines,
    shown_lists,
    shown_scorers,
    tables,
    users_in_parts,
)
from ytdnn.log import events, prepared, prepared_log
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import impression_rates, trained_stage

# Every user counts alike and a list at most 1, so a few heavy watchers do not decide.
JUDGE = metric_names.LIST_NDCG
_RIVALS = {lists.CANDIDATES, shown_scorers.POPULARITY, *shown_baselines.NAMES}
_ADVICE = (
    "give it more impressions (--config.data.ranking_fraction), or judge other "
    "settings of it on validation (ytdnn study)"
)
_ALL_THE_SAME = "--config.ranking.enabled=true serves it all the same"
_ALL_WATCHED = 0.98  # of the impressions
_MOST_LOOKED_AT = 10_000
_NO_OTHERS = (
    "The candidates' order is served (ranking.enabled=auto): the log has impressions "
    "of watched videos only, as ratings are, from which a ranker learns what is liked "
    f"among them, not what is watched; {_ALL_THE_SAME}"
)


def from_run(
    config: configs.Config, workdir: pathlib.Path
) -> order_choice_artifact.Choice:
    """Returns the choice of a run.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data`, `candidates` and `ranking`.
    """
    data = prepared.load(workdir / prepared.KIND)
    first_stage = trained_stage.load(
        workdir / trained_stage.KIND, data, config.composition
    )
    ranking = ranking_model.load(workdir / ranking_model.KIND, data, first_stage)
    return choose(data, first_stage.candidates, ranking)


def choose(
    data: prepared.PreparedData,
    trained: models.RetrievalModel,
    ranking: models.RankingModel,
    config: configs.EvaluationConfig | None = None,
) -> order_choice_artifact.Choice:
    """Compares the ranker with the candidates and popularity, paired by user.

    Args:
      data: The prepared set.
      trained: The candidate model.
      ranking: The ranker.
      config: Resamples and their seed; None: the defaults.
    """
    config = configs.EvaluationConfig() if config is None else config
    windows = users_in_parts.WindowOpener(config.window_events)
    trained = users_in_parts.by_window(trained, windows)
    ranking = users_in_parts.by_window(ranking, windows)
    impressions = shown_scorers.SplitImpressions(data.log, events.Split.VALIDATION)
    if _share_watched(data.log, impressions.rows) >= _ALL_WATCHED:
        return order_choice_artifact.Choice(False, _NO_OTHERS)
    scorers: dict[str, shown_scorers.Scorer] = {
        shown_scorers.POPULARITY: shown_scorers.popularity(data),
        shown_scorers.RANKER: shown_scorers.scorer(data, ranking),
    }
    if data.windows.has_own_window or not trained.trains_on_validation:
        vectors = trained.video_vectors(data.windows.training_window[1])
        scorers[lists.CANDIDATES] = shown_lists.candidates(data, trained, vectors)
    kinds = impression_rates.kinds(data.log.has_watch_seconds)
    counted = shown_baselines.count(data, impressions.rows)
    for name in (kind + shown_baselines.FROZEN for kind in kinds):
        smoothing = impression_rates.SMOOTHINGS[0]  # as in a bundle
        scorers[name] = functools.partial(counted.score, name, smoothing)
    scored = shown_scorers.scored(data, impressions, scorers, windows)
    orders = {name: scores.list_order for name, scores in scored.items()}
    level = 1.0 - (1.0 - bootstrap.LEVEL) / len(kinds)
    judged = shown_lists.measure(data.log, impressions, orders, config, level)
    return _decided(judged)


def _share_watched(log: prepared_log.UserLog, rows: npt.NDArray[np.int64]) -> float:
    """Returns the share of impressions that are watches too, of the same second."""
    index, table = log.shard_index, "impressions"
    rows = rows[:: 1 + len(rows) // _MOST_LOOKED_AT]
    users, videos, times = (
        index.gather(table, name, rows) for name in ("users", "videos", "times")
    )
    before = index.offsets(schema.WATCHES)[users]
    first, stop = (
        before + index.num_before(schema.WATCHES, users, times + late)
        for late in (0, 1)
    )
    then = ragged.ranges(first, stop)
    owners = ragged.rows_of(then.offsets)
    watched = index.gather(schema.WATCHES, "videos", then.values)
    is_same = watched == videos[owners]
    return len(np.unique(owners[is_same])) / max(1, len(rows))


def _decided(judged: report_parts.ShownLists | None) -> order_choice_artifact.Choice:
    """Returns the choice that the orders of a window lead to."""
    gains = {} if judged is None else _gains(judged)
    if judged is None or not gains:
        return order_choice_artifact.Choice(
            True,
            "The ranker's order is served (ranking.enabled=auto), but was not judged: "
            "no user was shown two videos in the validation window and watched one. "
            "More impressions (--config.data.ranking_fraction) would help to judge it",
        )
    counted, gain = _best_count(gains), gains.get(lists.CANDIDATES)
    least = 0.0 if gain is None else gain.value
    if counted and gains[counted].high < 0.0 and gains[counted].value < least:
        return order_choice_artifact.Choice(
            True,
            f"A counted order ({tables.model_title(counted)}) is served "
            f"(ranking.enabled=auto), with the ranker's predictions: "
            f"{_compared(judged, gains)}. That is surely better: {_ADVICE}; "
            f"{_ALL_THE_SAME}",
            counted.removesuffix(shown_baselines.FROZEN),
        )
    over_popularity = gains[shown_scorers.POPULARITY]
    is_better = (over_popularity if gain is None else gain).value > 0.0
    is_level = gain is not None and gain.low <= 0.0 <= gain.high
    is_level &= judged.gain == "watch_seconds"
    serves = is_better or (is_level and over_popularity.value > 0.0)
    whose = "ranker's" if serves else "candidates'"
    words = (
        f"The {whose} order is served (ranking.enabled=auto): "
        f"{_compared(judged, gains)}"
    )
    if serves and not is_better:
        words += ". The two are equally good, and only the ranker predicts watch time"
    if serves and over_popularity.value <= 0.0:
        words += f". The ranker is not above popularity: {_ADVICE}"
    elif not serves:
        words += f". The ranker does not help: {_ADVICE}; {_ALL_THE_SAME}"
    return order_choice_artifact.Choice(serves, words)


def _best_count(gains: "Mapping[str, _Gain]") -> str:
    """Returns the count that the ranker gains least over; empty without any."""
    counts = [name for name in gains if name in shown_baselines.NAMES]
    return min(counts, key=lambda name: gains[name].value, default="")


class _Gain(NamedTuple):
    """The gain of the ranker over another order, with its interval."""

    value: float
    low: float
    high: float


def _gains(judged: report_parts.ShownLists) -> dict[str, _Gain]:
    """Returns the gain of the ranker over each rival, where it is defined."""
    known = {
        name: tables.finite(judged.ahead[name][JUDGE])
        for name in sorted(_RIVALS & judged.ahead.keys())
    }
    return {name: _Gain(*three) for name, three in known.items() if len(three) == 3}


def _compared(judged: report_parts.ShownLists, gains: Mapping[str, _Gain]) -> str:
    """Returns the comparison in words, with the best count."""
    parts = []
    titles = {
        lists.CANDIDATES: "the candidates'",
        shown_scorers.POPULARITY: "popularity's",
    }
    counted = _best_count(gains)
    titles[counted] = f"that of {tables.model_title(counted)}"
    for name, words in titles.items():
        if name not in gains:
            continue
        gain, value = gains[name], judged.systems[name][JUDGE][0] or 0.0
        ends = f"{gain.low:+.3f} to {gain.high:+.3f}"
        parts.append(f"{words} {value:.3f} ({gain.value:+.3f}, {ends})")
    own = judged.systems[shown_scorers.RANKER][JUDGE][0] or 0.0
    return (
        f"on the validation window, nDCG by {judged.gain.replace('_', ' ')} of all "
        f"videos shown to each of {judged.users:,} users is {own:.3f} in the ranker's "
        f"order, in {' and in '.join(parts)}"
    )
