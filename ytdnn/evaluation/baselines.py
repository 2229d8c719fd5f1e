"""Baselines: candidate models that the network is compared with, beside popularity.

`evaluation.baselines` names them: any registered candidate model
(`ytdnn/retrieval/candidate_models.py`). A run has those of `tuned_baselines`. For
bundles, files of predictions and single stages `auto`, the default, is recent
popularity, a Markov chain, co-watching and user neighbours where they take seconds.
"""

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from ytdnn.base import configs, progress
from ytdnn.evaluation import lists, protocol
from ytdnn.log import prepared
from ytdnn.retrieval import candidate_models

_AUTO_NAME = "auto"
_AUTO = ("recent_popularity", "markov", "co_watch", "user_neighbours")
_MOST_SECONDS = 60.0  # of one, above which `auto` leaves it out
MOST_WATCHES = 20_000_000
# Nanoseconds on a slow core, by which a fit is foretold: of a dense product, of an
# entry of a sparse one, and of a score among the others of its row.
_DENSE, _SPARSE, _SCORE = 0.1, 15.0, 10.0


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
        for name in _chosen(training, config, len(cases))
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
    training: candidate_models.TrainingData,
    config: configs.EvaluationConfig,
    num_users: int,
) -> list[str]:
    """Returns the names in the config, with `auto` replaced by its baselines."""
    auto = []
    if _AUTO_NAME in config.baselines:
        given = training, num_users, _MOST_SECONDS
        auto = [name for name in _AUTO if not obstacle(name, {}, *given)]
        missing = [name for name in _AUTO if name not in auto]
        if missing:
            progress.say(
                f"baselines: {', '.join(missing)} would take minutes on a log of this "
                f"size and are left out; --config.evaluation.baselines="
                f"{','.join(_AUTO)} measures them"
            )
    parts = [auto if name == _AUTO_NAME else [name] for name in config.baselines]
    return list(dict.fromkeys(name for part in parts for name in part))


def obstacle(
    name: str,
    settings: Mapping[str, Any],
    training: candidate_models.TrainingData,
    num_cases: int,
    seconds: float,
) -> str:
    """Returns why a baseline is not fitted in some seconds; empty if it is.

    Args:
      name: Its name.
      settings: Its settings.
      training: What it is fitted to.
      num_cases: Number of lists to make.
      seconds: Time for the fit and the lists.
    """
    if name == _AUTO[0]:
        return ""
    if name == "als" and importlib.util.find_spec("implicit") is None:
        return "pip install implicit"
    if int(training.prepared.catalogue.facts["watches"]) > MOST_WATCHES:
        return f"more than {MOST_WATCHES:,} watches"
    needed = _seconds(name, settings, training, num_cases)
    return f"some {needed:,.0f} s a fit" if needed > seconds else ""


def _seconds(
    name: str,
    settings: Mapping[str, Any],
    training: candidate_models.TrainingData,
    num_cases: int,
) -> float:
    """Returns the seconds that a fit and its lists may take."""
    sizes = np.diff(training.matrix.indptr).astype(np.float64)
    size, watches, pairs = training.videos.height, sizes.sum(), float((sizes**2).sum())
    scores = float(num_cases) * size
    own = {
        "rp3beta": _SCORE * size**2 + _SPARSE * pairs,
        "item_neighbours": _SCORE * size**2 + _SPARSE * pairs,
        "user_neighbours": 2.0 * num_cases * watches,
        "als": 12.0 * _SPARSE * watches * settings.get("factors", 64),
        "ease": _DENSE * (size**3 + 10.0 * scores * sizes.mean()) + _SPARSE * pairs,
    }.get(name, 20.0 * _SPARSE * watches)
    return 1e-9 * (own + _SCORE * scores)
