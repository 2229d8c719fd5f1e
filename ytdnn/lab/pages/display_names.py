"""Display names on pages, the models of its plots, and the colour of each: one on all.

A name without an entry here (a slice's own column, another system's predictions) is
shown as it is.
"""

import itertools
from collections.abc import Iterable

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    report_summary,
    report_types,
    shown_baselines,
    tables,
)

_MEANINGS = {
    "popularity": "the most watched videos of the training data, the same for all",
    "recent_popularity": "the most watched of a period that validation chose",
    "markov": "the videos watched most often right after the last one watched",
    "own_watches": "what the user watched most, recent watches more",
    "co_watch": "what others watched near the last ten videos watched",
    "user_neighbours": "what users of similar watches watched",
    "item_neighbours": "videos watched by the users of the videos watched",
    "rp3beta": "videos that random walks over watches of others reach",
    "ease": "a linear model of the watches, each video by all others",
    "als": "matrix factorisation of the watches by alternating least squares",
    "click_rate": "clicks over impressions of the video before each request",
    "click_rate_frozen": "the same before the window",
    "mean_seconds": "watch seconds over impressions of the video before each request",
    "mean_seconds_frozen": "the same before the window",
    "odds": "watch seconds over impressions without a click before each request",
    "odds_frozen": "the same before the window",
    "lightgbm": "boosted trees on the ranker's inputs",
    "candidates": "first stage alone: videos nearest to the user's vector",
    "network": "the candidates without what is watched at the time of a request",
    "as_trained": "the network before it went on learning up to the test window",
    "system": "candidates, reordered by the ranker",
    "ranker": "second stage: expected watch time of an impression",
    "candidates_by_truth": "the same candidates in the order of true watch seconds, as "
    "a perfect ranker would show them (synthetic world)",
    "oracle": "knows each user's true interests (synthetic world) and ranks by what "
    "will be watched: an upper bound of retrieval",
    "oracle_by_watch_time": "all videos by true watch seconds: an upper bound of every "
    "slate (synthetic world)",
}
_COLOURS = {
    "candidates": 1,
    "system": 2,
    "ranker": 2,
    "oracle": 3,
    "candidates_by_truth": 6,
    "popularity": 5,
    "logged": 15,
    "best": 20,
    # On a plot is the best of each at most.
    **dict.fromkeys(shown_baselines.CLICKS, 54),
    **dict.fromkeys(shown_baselines.SECONDS, 64),
}
_OTHER_COLOURS = (4, 7, 8, 27, 46)
_MOST_BASELINES = 3  # of a plot besides popularity: with all others eight systems
_SLICES = {
    "activity": "watches before the request",
    "new_user": "new or known user",
    "video_age": "age of the video",
    "popularity": "popularity decile of the video",
}


def meaning(name: str) -> str:
    """Returns the meaning of a model, in a few words."""
    return _MEANINGS.get(name, "recommendations of another system")


def sliced_by(name: str) -> str:
    """Returns the display name of a slice."""
    return _SLICES.get(name, name.replace("_", " "))


def heading(name: str) -> str:
    """Returns the display name of a metric at the beginning of a line."""
    words = metric_names.title(name)
    return words if words[:2] == "nD" else words[:1].upper() + words[1:]


def drawn(report: report_types.Report) -> list[str]:
    """Returns the models of the plots, at most eight on each: of baselines the best.

    Args:
      report: Report of the evaluation.
    """
    metric = metric_names.at("ndcg", report_summary.headline_k(report))
    values = {name: entry.values.get(metric) for name, entry in report.lists.items()}
    baselines = [name for name in values if name in lists.BASELINES]
    baselines.sort(key=lambda name: values[name] or 0.0, reverse=True)
    counts = {best.name for best in report.best_baselines.values()}
    left_out = {*baselines[_MOST_BASELINES:], *shown_baselines.NAMES} - counts
    left_out |= {lists.ORACLE_BY_WATCH_TIME, "random"}  # far off; always a half
    orders = report.shown_lists.systems if report.shown_lists else {}
    models = values | report.impressions | orders
    return [name for name in models if name not in left_out]


def colours(models: Iterable[str]) -> dict[str, int]:
    """Returns the colour and marker of each model, by its display name."""
    others = itertools.cycle(_OTHER_COLOURS)
    return {
        tables.model_title(name): _COLOURS[name] if name in _COLOURS else next(others)
        for name in models
    }
