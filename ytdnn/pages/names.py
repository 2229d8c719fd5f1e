"""What models and metrics are called on pages, and the colour of each model.

A model has one colour on every plot. What is not listed (a slice's own column, another
system's predictions) is shown by its own name.
"""

from collections.abc import Iterable

MODELS = {
    "popularity": "popularity",
    "candidates": "candidates",
    "system": "candidates + ranker",
    "ranker": "ranker",
    "oracle": "oracle",
    "answers": "right answers",
}
_MEANINGS = {
    "popularity": "what most users watched in training, the same for everybody",
    "candidates": "the first stage alone: the nearest videos of the user's vector",
    "system": "both stages: the candidates, ordered by the ranker",
    "ranker": "the second stage: expected watch time of what is shown",
    "oracle": "knows the true tastes of the synthetic world; the best there can be",
}
_COLOURS = {
    "candidates": 1,
    "system": 2,
    "ranker": 2,
    "oracle": 3,
    "popularity": 5,
    "answers": 0,
}
_OTHER_COLOURS = (4, 6, 7, 8)

GAP_CLOSED = "share of the gap closed, popularity to oracle"

_METRICS = {
    "hit_rate": "hit rate",
    "map": "MAP",
    "ndcg": "nDCG",
    "mrr": "MRR",
    "mean_popularity": "mean popularity",
    "mean_age_days": "mean age, days",
    "auc": "AUC",
    "grouped_auc": "grouped AUC",
    "log_loss": "log loss",
    "weighted_per_user_loss": "weighted per-user loss",
}


def model(name: str) -> str:
    """Returns what a model is called."""
    return MODELS.get(name, name)


def meaning(name: str) -> str:
    """Returns what a model is, in a few words."""
    return _MEANINGS.get(name, "recommendations of another system")


def metric(name: str) -> str:
    """Returns what a metric is called, its k kept: `ndcg@10` → `nDCG@10`."""
    stem, at, k = name.partition("@")
    return _METRICS.get(stem, stem.replace("_", " ")) + at + k


def heading(name: str) -> str:
    """Returns what a metric is called at the beginning of a line."""
    words = metric(name)
    return words if words[:2] == "nD" else words[:1].upper() + words[1:]


def colours(models: Iterable[str]) -> dict[str, int]:
    """Returns the colour of each model, by what it is called."""
    found = {}
    others = 0
    for name in models:
        if name in _COLOURS:
            found[model(name)] = _COLOURS[name]
        else:
            found[model(name)] = _OTHER_COLOURS[others % len(_OTHER_COLOURS)]
            others += 1
    return found
