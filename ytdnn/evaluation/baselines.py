"""Baselines: candidate models that the network is compared with, beside popularity.

`evaluation.baselines` names them: any registered candidate model
(`ytdnn/retrieval/candidate_models.py`). A run has those of `tuned_baselines`. For
bundles, files of predictions and single stages `auto`, the default, is recent
popularity, a Markov chain, co-watching and user neighbours where they take seconds.
"""

import functools

from ytdnn.base import configs, progress
from ytdnn.evaluation import lists, protocol
from ytdnn.log import catalogues, prepared
from ytdnn.retrieval import candidate_models

_AUTO_NAME = "auto"
_AUTO = ("recent_popularity", "markov", "co_watch", "user_neighbours")
# Above these a baseline takes more than a minute, and `auto` leaves it out.
_MOST_SCORES = 5e9
_MOST_PRODUCTS = 3e10
MOST_WATCHES = 20_000_000


def makers(
    data: prepared.PreparedData,
    config: configs.EvaluationConfig,
    cases: protocol.Cases,
) -> dict[str, lists.Maker]:
    """Returns the makers of the chosen baselines, in the order of the config.

    Each is fitted when its first lists are made.

    Args:
      data: The prepared set.
      config: Chosen baselines.
      cases: Cases that lists are made for. Their number decides the baselines that
        `auto` can afford.

    Raises:
      errors.UserError: The package of a baseline is not installed.
    """
    training = candidate_models.TrainingData(data)
    models = {
        name: candidate_models.unfitted(name)
        for name in _chosen(data.catalogue, config, len(cases))
    }
    return {name: _on_first_use(model, training) for name, model in models.items()}


def _on_first_use(
    model: candidate_models.BaseCandidateModel, training: candidate_models.TrainingData
) -> lists.Maker:
    """Returns the maker of a model that is fitted for the first lists."""

    @functools.cache
    def fitted() -> lists.Maker:
        model.fit(training)
        return lists.from_candidate_model(model, training.prepared)

    return lambda cases, k: fitted()(cases, k)


def _chosen(
    catalogue: catalogues.Catalogue, config: configs.EvaluationConfig, num_users: int
) -> list[str]:
    """Returns the names in the config, with `auto` replaced by its baselines."""
    auto = [_AUTO[0], *(n for n in _AUTO[1:] if _is_cheap(n, catalogue, num_users))]
    missing = [name for name in _AUTO if name not in auto]
    if missing and _AUTO_NAME in config.baselines:
        progress.say(
            f"baselines: {', '.join(missing)} would take minutes on a log of this size "
            f"and are left out; --config.evaluation.baselines={','.join(_AUTO)} "
            f"measures them"
        )
    parts = [auto if name == _AUTO_NAME else [name] for name in config.baselines]
    return list(dict.fromkeys(name for part in parts for name in part))


def _is_cheap(name: str, catalogue: catalogues.Catalogue, num_users: int) -> bool:
    """Returns whether a baseline takes a minute at most."""
    watches = int(catalogue.facts["watches"])
    if name == "user_neighbours":
        products = num_users * watches
        return products <= _MOST_PRODUCTS and watches <= MOST_WATCHES
    scores = num_users * catalogue.vocabulary_size
    return scores <= _MOST_SCORES and watches <= MOST_WATCHES
