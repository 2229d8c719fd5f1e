"""Adapts a trained ranker to a later candidate model.

The ranker was trained with the scores of a candidate model that was not trained on its
window; it is served with the scores of a model trained to the end of the log, which
have another scale. So the quantiles that normalise the scores are mapped from one scale
to the other, by each model's scores on lists that it retrieves: the earlier model's for
requests of the ranker's window, the later model's for the same users where its training
ends. Logged positions are not used: the later model was trained on their clicks.
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import artifacts, configs, ragged
from ytdnn.features import first_stage_features
from ytdnn.log import events, prepared
from ytdnn.ranking import model, network
from ytdnn.retrieval import trained_stage
from ytdnn.training import optimizers, ranking

_REQUESTS = 1_000  # slates, drawn at random, of which scores are compared
_LEVELS = np.linspace(0.01, 0.99, 99)  # beyond them single scores decide

Floats = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class TrainedRanker:
    """A ranker, or its directory, with its inputs.

    Attributes:
      directory: The artefact `ranking`.
      data: The prepared set of the ranker.
      first_stage: The candidates of the ranker.
    """

    directory: pathlib.Path
    data: prepared.PreparedData
    first_stage: trained_stage.FirstStage


def load(config: configs.Config, home: pathlib.Path) -> TrainedRanker:
    """Returns the ranker of a folder with `data`, `candidates` and `ranking`."""
    data = prepared.load(home / "data")
    first_stage = trained_stage.load(home / "candidates", data, config.composition)
    return TrainedRanker(home / "ranking", data, first_stage)


def publish(
    config: configs.Config,
    earlier: TrainedRanker,
    later: TrainedRanker,
    inputs: Mapping[str, str],
) -> None:
    """Publishes a trained ranker next to later candidates.

    Args:
      config: Config of the run.
      earlier: The trained ranker.
      later: Directory and inputs of the ranker to publish.
      inputs: Fingerprints of the artefacts it is made from.
    """
    trained = model.load(earlier.directory, earlier.data, earlier.first_stage)
    facts = dict(artifacts.read_manifest(earlier.directory, model.KIND).facts)
    scores = [
        feature.name
        for feature in trained.features
        if isinstance(feature, first_stage_features.ReplayedFeature)
        and feature.needs_quantiles
    ]
    measured = trained.measured
    if scores and isinstance(config.ranking.normalization, configs.QuantilesConfig):
        lists = listed_scores(earlier, later, config.seed)
        measured = with_moved(measured, scores, *lists)
        facts["score_medians"] = [float(np.median(scored)) for scored in lists]
    with artifacts.publish(
        later.directory, model.KIND, ranking.step_config(config), inputs, facts
    ) as partial:
        model.save(trained, partial, measured)
        shutil.copytree(earlier.directory / artifacts.LOGS, partial / artifacts.LOGS)
        if (earlier.directory / optimizers.STATE_FILE).exists():
            optimizers.share_state(earlier.directory, partial)


def listed_scores(
    earlier: TrainedRanker, later: TrainedRanker, seed: int
) -> tuple[Floats, Floats]:
    """Returns each model's scores on the lists it retrieves for the same users.

    Args:
      earlier: Model that scores requests of the ranker's training window.
      later: Model that scores requests at the end of its training.
      seed: Seed of the choice of requests.
    """
    index, table = earlier.data.log.shard_index, "impressions"
    train = events.Split.TRAIN
    rows = index.find(table, lambda shown: np.asarray(shown.splits) == train)
    if not len(rows):  # of a day without impressions
        rows = index.find(table, lambda shown: np.ones(len(shown), bool))
    pages = index.gather(table, "pages", rows)
    firsts = rows[np.unique(pages, return_index=True)[1]]
    size = min(_REQUESTS, len(firsts))
    rng = np.random.default_rng(seed)
    sampled = np.sort(rng.choice(firsts, size, replace=False))
    users, num_watches, times = (
        index.gather(table, name, sampled)
        for name in ("users", "num_watches", "request_times")
    )
    scores = []
    # There is no window of the ranker where its candidates have learned.
    moment = np.full(size, later.data.manifest.facts["windows"]["ranking"])
    for ranker, at in ((earlier, times), (later, moment)):
        users_data = ranker.data.with_log(ranker.data.log.read_users(np.unique(users)))
        offsets = users_data.log.shard_index.offsets("watches")
        if at is moment:
            seconds = np.asarray(users_data.watches.times)
            num_watches = ragged.num_before(users, moment, offsets, seconds)
        opened = ranker.first_stage.open_log(users_data)
        scores.append(opened.listed_scores(users, offsets[users] + num_watches, at))
    return scores[0], scores[1]


def with_moved(
    measured: network.Statistics, names: list[str], then: Floats, now: Floats
) -> network.Statistics:
    """Returns statistics with the quantiles of scores mapped to another scale.

    Args:
      measured: Statistics of the ranker's training.
      names: Names of features that are scores.
      then: `[n]` scores of the model that the ranker was trained with.
      now: `[m]` scores of the model that the ranker is served with.
    """
    features = dict(measured.features)
    for name in names:
        levels = moved(np.array(features[name].quantiles), then, now).tolist()
        features[name] = dataclasses.replace(features[name], quantiles=tuple(levels))
    return dataclasses.replace(measured, features=features)


def moved(values: Floats, then: Floats, now: Floats) -> Floats:
    """Maps values of one distribution to the same quantiles of another.

    Values between the 1 % and the 99 % quantile are interpolated; beyond, the map is
    linear with the ratio of the distances between these quantiles. If a distribution
    has no width, or no values, the values are unchanged.

    >>> then, now = np.linspace(0, 1, 101), np.linspace(10, 12, 101)
    >>> moved(np.array([0.0, 0.5, 2.0]), then, now)
    array([10., 11., 14.])

    Args:
      values: `[k]`, ascending.
      then: `[n]` values of the first distribution.
      now: `[m]` values of the other distribution.

    Returns:
      `[k]`, ascending.
    """
    if not len(then) or not len(now):
        return values
    old, new = (np.quantile(mapped, _LEVELS) for mapped in (then, now))
    if old[-1] <= old[0]:
        return values
    slope = (new[-1] - new[0]) / (old[-1] - old[0])
    below, above = np.minimum(values - old[0], 0.0), np.maximum(values - old[-1], 0.0)
    return np.interp(values, old, new) + slope * (below + above)
