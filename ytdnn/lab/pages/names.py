"""Display names on pages, and the colour of each model: one on every plot.

A name without an entry here (a slice's own column, another system's predictions) is
shown as it is.
"""

from collections.abc import Iterable

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import tables

_MEANINGS = {
    "popularity": "the most watched videos of the training data, the same for all",
    "recent_popularity": "the most watched videos of the last week of training",
    "markov": "the videos watched most often right after the last one watched",
    "co_watch": "what others watched near the last ten videos watched",
    "user_neighbours": "what users of similar watches watched",
    "als": "matrix factorisation of the watches by alternating least squares",
    "click_rate": "clicks over impressions of the video before each request",
    "click_rate_frozen": "the same before the window",
    "mean_seconds": "watch seconds over impressions of the video before each request",
    "mean_seconds_frozen": "the same before the window",
    "odds": "watch seconds over impressions without a click before each request",
    "odds_frozen": "the same before the window",
    "candidates": "first stage alone: videos nearest to the user's vector",
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
    "oracle_by_watch_time": 7,
    "popularity": 5,
    "logged": 4,
    "best": 3,
    "random": 0,
}
_OTHER_COLOURS = (4, 6, 7, 8)
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


def colours(models: Iterable[str]) -> dict[str, int]:
    """Returns the colour of each model, by its display name."""
    by_name = {}
    others = 0
    for name in models:
        if name in _COLOURS:
            by_name[tables.model_title(name)] = _COLOURS[name]
        else:
            colour = _OTHER_COLOURS[others % len(_OTHER_COLOURS)]
            by_name[tables.model_title(name)] = colour
            others += 1
    return by_name
