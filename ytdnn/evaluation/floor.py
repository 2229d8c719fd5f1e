"""Checks that a trained candidate model is better than counting.

After training, the network is compared with popularity and the baselines of
`evaluation.baselines=auto` on a sample of the validation window's users. A network
below one of them has not learned enough from the log, and a warning says so.
"""

import dataclasses
import gc
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import artifacts, configs, environment, errors
from ytdnn.base.metrics import retrieval
from ytdnn.candidates import model
from ytdnn.evaluation import baselines, by_window, lists, protocol
from ytdnn.log import events, prepared

_METRIC, _K = "ndcg@10", 10
_MOST_SCORES = 2e8  # of each list
_LEAST_USERS, _MOST_USERS = 200, 2_000
_SEED = 0
_NORMAL_95 = 1.96  # standard errors in half a 95 % interval
_COUNTED = ("user_neighbours", "co_watch", "markov")  # of who watched what else

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Floor:
    """The best counted baseline against the network, on some validation users.

    Attributes:
      name: Name of the baseline.
      value: nDCG@10 of the baseline.
      network: nDCG@10 of the network.
      half: Half the 95 % interval of their difference, paired by user.
      users: Number of users.
    """

    name: str
    value: float
    network: float
    half: float
    users: int


def warnings(workdir: pathlib.Path) -> list[str]:
    """Returns a line if a counted baseline beats the network on validation.

    Args:
      workdir: Directory of the run, with `data` and `candidates`.
    """
    directory = workdir / model.KIND
    manifest = artifacts.read_manifest(directory, model.KIND)
    if not manifest.facts.get("validation"):
        return []
    gc.collect()  # the network that was trained in this process, with its optimiser
    environment.release_memory()
    data = prepared.load(workdir / prepared.KIND)
    trained = model.load(directory, data)
    found = measure(data, trained)
    if found is None or found.network >= found.value:
        return []
    cause = _cause(found, manifest.facts, trained.config)
    return [
        f"candidates: {found.name} has a validation nDCG@10 of {found.value:.4f}, the "
        f"network {found.network:.4f} (difference ± {found.half:.4f}, {found.users:,} "
        f"users). Likely cause: {cause}"
    ]


def measure(data: prepared.PreparedData, trained: model.Joined) -> Floor | None:
    """Returns the best counted baseline; None with too few users.

    Args:
      data: The prepared set.
      trained: The candidate model.
    """
    config, split = configs.EvaluationConfig(), events.Split.VALIDATION
    try:
        cases = protocol.cases(data, split, config, trained.num_listed)
    except errors.UserError:
        return None
    if len(cases) < _LEAST_USERS:
        return None
    most = int(np.clip(_MOST_SCORES / trained.num_listed, _LEAST_USERS, _MOST_USERS))
    cases = _sample(cases, most)
    moment = protocol.moment(cases, split)
    asked = by_window.Retrieval(trained, by_window.WindowOpener(config.window_events))
    # Before the baselines are made, so that its vectors are not held beside them.
    network = _values(lists.of_model(data, asked, trained.video_vectors(moment)), cases)
    makers = {lists.POPULARITY: lists.popularity(data.catalogue)}
    makers |= baselines.makers(data, config, cases)
    values = {name: _values(make, cases) for name, make in makers.items()}
    best = max(values, key=lambda name: float(values[name].mean()))
    gain = values[best] - network
    half = _NORMAL_95 * float(gain.std()) / len(cases) ** 0.5
    means = float(values[best].mean()), float(network.mean())
    return Floor(best, *means, half, len(cases))


def _sample(cases: protocol.Cases, most: int) -> protocol.Cases:
    if len(cases) <= most:
        return cases
    rng = np.random.Generator(np.random.Philox(_SEED))
    return protocol.take(cases, np.sort(rng.permutation(len(cases))[:most]))


def _values(make: lists.Maker, cases: protocol.Cases) -> Floats:
    """Returns each user's nDCG@10."""
    targets = cases.targets
    found = retrieval.metrics_at(
        make(cases, _K), targets.offsets, targets.values, (_K,)
    )
    return found[_METRIC]


def _cause(
    found: Floor, facts: Mapping[str, Any], config: configs.CandidatesConfig
) -> str:
    """Returns the likely cause, with advice."""
    epochs = int(facts.get("epochs", 0))
    best = int(facts.get("best_epoch", 0))
    limit = config.training.epochs
    if epochs == limit and best == epochs:
        return (
            f"too few epochs, the last of {limit} was the best. Give "
            f"--config.candidates.training.epochs={2 * limit}."
        )
    if found.name in _COUNTED and config.initial_vectors == "random":
        return (
            "videos have too few watches to be learned from a random start. Give "
            "--config.candidates.initial_vectors=co_watched "
            "--config.candidates.skip_connection=linear "
            "--config.candidates.similarity=user_cosine."
        )
    if best <= 1:
        rate = config.training.table_learning_rate / 4
        moment = "after the first epoch" if best else "before the first epoch"
        return (
            f"training makes it worse, validation was best {moment}. Give "
            f"--config.candidates.training.table_learning_rate={rate:g}."
        )
    if found.name in _COUNTED and config.embedding_dim < 256:
        return (
            f"vectors too narrow for what was watched together. Give "
            f"--config.candidates.embedding_dim={2 * config.embedding_dim}."
        )
    return (
        "too few watches of each video. Leave out rare ones with --min_item_count=5, "
        "or try settings on validation with `ytdnn study`."
    )
