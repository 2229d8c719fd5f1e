"""Display names of models and metrics on pages, and the colour of each model.

A model has one colour on every plot. A name without an entry here (a slice's own
column, another system's predictions) is shown as it is.
"""

from collections.abc import Iterable

from ytdnn.base.metrics import metric_names

MODELS = {
    "popularity": "popularity",
    "recent_popularity": "recent popularity",
    "markov": "Markov chain",
    "co_watch": "co-watch",
    "user_neighbours": "user neighbours",
    "als": "alternating least squares",
    "candidates": "candidates",
    "system": "both stages",
    "ranker": "ranker",
    "candidates_by_truth": "candidates in best order",
    "oracle": "oracle",
    "oracle_by_watch_time": "best slate of all videos",
    "answers": "right answers",
    "logged": "order of the log",
    "random": "random order",
    "best": "best order",
}
_MEANINGS = {
    "popularity": "the most watched videos of the training data, the same for all",
    "recent_popularity": "the most watched videos of the last week of training",
    "markov": "the videos watched most often right after the last one watched",
    "co_watch": "what others watched near the last ten videos watched",
    "user_neighbours": "what users of similar watches watched",
    "als": "matrix factorisation of the watches by alternating least squares",
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
    "answers": 0,
    "logged": 4,
    "best": 3,
    "random": 0,
}
_OTHER_COLOURS = (4, 6, 7, 8)

# These order by watch time: what they retrieve is no measure of them.
TWO_STAGE = ("system", "system-scann")
PAGE_BOUNDS = ("candidates_by_truth", "oracle_by_watch_time")

GAP_CLOSED = "gap to the oracle closed"

_SLICES = {
    "activity": "watches before the request",
    "new_user": "new or known user",
    "video_age": "age of the video",
    "popularity": "popularity decile of the video",
    "id_embedding": "whether the video has an id embedding",
}

_SEARCH = {
    "exact_search_ms": "exact search, ms",
    "scann_search_ms": "ScaNN search, ms",
    "lsh_search_ms": "LSH search, ms",
    "user_vector_batched_ms": "user vector (made in a batch), ms",
    "ranker_batched_ms": "ranker (scored in a batch), ms",
}

_RECALLS = {"scann_recall": "ScaNN", "lsh_recall": "LSH"}

_OUTCOME_METRICS = {"log_loss": "log loss", "calibration_ratio": "predicted / observed"}


def model(name: str) -> str:
    """Returns the display name of a model."""
    return MODELS.get(name, name)


def meaning(name: str) -> str:
    """Returns the meaning of a model, in a few words."""
    return _MEANINGS.get(name, "recommendations of another system")


def outcome_metric(name: str) -> str:
    """Returns the display name of a metric of an outcome, which has no seconds."""
    return _OUTCOME_METRICS.get(name, metric_names.title(name))


def sliced_by(name: str) -> str:
    """Returns the display name of a slice."""
    return _SLICES.get(name, name.replace("_", " "))


def search(name: str) -> str:
    """Returns the display name of a measurement of the index or of latency."""
    stem = metric_names.stem(name)
    if stem in _RECALLS:
        recall = metric_names.at("recall", metric_names.length(name))
        return f"{_RECALLS[stem]} {recall} against exact search"
    return _SEARCH.get(name, name.replace("_", " "))


def heading(name: str) -> str:
    """Returns the display name of a metric at the beginning of a line."""
    words = metric_names.title(name)
    return words if words[:2] == "nD" else words[:1].upper() + words[1:]


def colours(models: Iterable[str]) -> dict[str, int]:
    """Returns the colour of each model, by its display name."""
    found = {}
    others = 0
    for name in models:
        if name in _COLOURS:
            found[model(name)] = _COLOURS[name]
        else:
            found[model(name)] = _OTHER_COLOURS[others % len(_OTHER_COLOURS)]
            others += 1
    return found
