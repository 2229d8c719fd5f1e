r"""Does a slate earn what its weights ask for, by the truth?

Claim: on a world with likes and dislikes, of the slates of several weightings each is
the best by its own weighted sum, counted by the world's truth (docs/feedback.md).

    python -m experiments.weighted_slates --workdir=runs/slates \
        --results=runs/slates/results.json

Protocol: a ranker is trained on a world with `outcomes`, without candidates. Each user
of a sample is given the eight best of all videos that are uploaded and that they have
not watched, by the weighted sum of its predictions, a second after the log, once for
each weighting. A slate counts by the true probability of a click at each place, times
what a click brings: the expected seconds, the probability of a like and of a dislike
(`ytdnn/lab/world/page_values.py`, `truth.py`). Numbers are means over users;
differences are paired by user, with 95 % intervals. A random slate is the floor.

With 4,000 users (`--world_users=4000`) each slate is the best by its own weights. With
500 that of no dislikes is not: of its videos, often shown ones that the small log gives
no dislike by chance, random slates have fewer. Numbers:
experiments/results/weighted_slates.json.
"""

import argparse
import dataclasses
import json
import pathlib
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import rich

from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.base.metrics import bootstrap
from ytdnn.lab.world import generate, page_values, true_rates
from ytdnn.log import prepare, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.training import ranking

WORLD = configs.WorldConfig(
    num_users=500,
    num_videos=400,
    num_topics=4,
    num_days=30,
    watches_per_user=40,
    outcomes=True,
)
SECONDS = schema.WATCH_SECONDS
RANDOM = "random"
WEIGHTS: dict[str, dict[str, float]] = {
    "watch seconds": {SECONDS: 1.0},
    "and likes": {SECONDS: 1.0, schema.LIKED: 3_000.0},
    "and no dislikes": {SECONDS: 1.0, schema.DISLIKED: -10_000.0},
    "likes alone": {schema.LIKED: 1.0},
    "no dislikes, alone": {schema.DISLIKED: -1.0},
}
K = 8

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer]


def config_of(
    world: configs.WorldConfig, epochs: int, outcome_weight: float, seed: int = 0
) -> configs.Config:
    """Returns the run.

    Args:
      world: The world.
      epochs: Number of epochs, at most.
      outcome_weight: Weight of the loss of each outcome.
      seed: Seed of training.
    """
    names = (schema.LIKED, schema.DISLIKED)
    return configs.Config(
        data=configs.DataConfig(source="world", world=world),
        ranking=configs.RankingConfig(
            enabled=True,
            embedding_dim=16,
            tower=(64, 32),
            least_impressions=1_000_000,
            loss_weights=tuple(f"{name}={outcome_weight:g}" for name in names),
            head=configs.ClickTimesWatchTimeConfig(order_by="seconds"),
            training=configs.TrainingConfig(
                epochs=epochs,
                batch_size=256,
                learning_rate=0.002,
                patience=2,
                table_learning_rate=0.01,
                table_accumulator=1e-7,
            ),
        ),
        seed=seed,
    )


def true_values(
    world: generate.World, users: Indices, slates: Indices, at: int
) -> dict[str, Values]:
    """Returns the true seconds, clicks, likes and dislikes of slates, `[users]` each.

    Args:
      world: The world.
      users: `[users]` numbers.
      slates: `[users, k]` numbers of videos, -1 where there is none.
      at: Time of the requests, seconds.
    """
    times = np.full(len(users), at)
    positions = np.arange(slates.shape[1])
    worth = page_values.page_values(world, users, slates, times, positions)
    rows = np.repeat(users, slates.shape[1])
    brought = true_rates.outcome_probabilities(
        world, rows, slates.ravel(), np.full(len(rows), at), worth.clicks.ravel()
    )
    found = {SECONDS: worth.seconds.sum(axis=1), schema.CLICKED: worth.clicks.sum(1)}
    for name, chances in brought.items():
        found[name] = np.where(slates >= 0, chances.reshape(slates.shape), 0.0).sum(1)
    return found


def slates_of(
    data: prepared.PreparedData,
    model: ranking_model.RankingModel,
    users: Indices,
    weights: dict[str, float],
) -> Indices:
    """Returns the best videos of each user by some weights, `[users, K]` numbers.

    Args:
      data: The prepared set.
      model: The ranker.
      users: `[users]` indices.
      weights: Weights of its predictions.
    """
    model.order_by(weights)
    every = np.arange(1, data.num_videos + 1, dtype=np.int32)
    ends = np.asarray(data.watches.offsets)[users + 1]
    times = np.full(len(users), data.windows.end_of_log + 1)
    videos = np.broadcast_to(every, (len(users), len(every)))
    scores = model.score_candidates(data, users, ends, times, videos)
    return _numbers(data, _best(data, users, ends, scores))


def random_slates(data: prepared.PreparedData, users: Indices) -> Indices:
    """Returns random slates of the same videos, `[users, K]` numbers."""
    ends = np.asarray(data.watches.offsets)[users + 1]
    shape = (len(users), data.num_videos)
    scores = np.random.default_rng(0).random(shape).astype(np.float32)
    return _numbers(data, _best(data, users, ends, scores))


def _best(
    data: prepared.PreparedData, users: Indices, ends: Indices, scores: npt.NDArray
) -> Indices:
    """Returns the catalogue indices of the best scores that may be shown."""
    allowed = scores.copy()
    watched = data.log.shard_index.watched_before(users, ends)
    allowed[watched.rows, watched.values - 1] = -np.inf
    uploads = data.videos[schema.UPLOAD_TIME].to_numpy()
    allowed[:, uploads > data.windows.end_of_log] = -np.inf
    return np.argsort(-allowed, axis=1, kind="stable")[:, :K] + 1


def _numbers(data: prepared.PreparedData, indices: Indices) -> Indices:
    """Returns the world's numbers of videos."""
    ids = data.videos[schema.VIDEO_ID].to_list()
    number = np.array([-1, *(int(one[1:]) for one in ids)])
    found: Indices = number[indices]
    return found


def measure(
    workdir: pathlib.Path, config: configs.Config, num_users: int
) -> dict[str, Any]:
    """Trains a ranker, makes slates of every weighting, and returns the numbers."""
    data = prepare.prepare(config.data, workdir / prepared.KIND)
    ranking.train(config, data, workdir / ranking_model.KIND)
    model = ranking_model.load(workdir / ranking_model.KIND, data)
    world = generate.World(config.data.world)
    users = np.arange(min(num_users, data.num_users))
    ids = data.users[schema.USER_ID].to_list()
    numbers = np.array([int(ids[user][1:]) for user in users])
    at = data.windows.end_of_log + 1
    brought = {
        name: true_values(world, numbers, slates_of(data, model, users, weights), at)
        for name, weights in WEIGHTS.items()
    }
    brought[RANDOM] = true_values(world, numbers, random_slates(data, users), at)
    return {"users": len(users), **report(brought)}


def report(brought: dict[str, dict[str, Values]]) -> dict[str, Any]:
    """Returns the true means of each slate, and the gain of each by its own weights.

    Args:
      brought: Quantities of each slate, `[users]` each.
    """
    means = {
        name: {quantity: float(of_users.mean()) for quantity, of_users in one.items()}
        for name, one in brought.items()
    }
    gains: dict[str, dict[str, list[float]]] = {}
    for name, weights in WEIGHTS.items():
        value = {
            slate: np.sum([w * one[q] for q, w in weights.items()], axis=0)
            for slate, one in brought.items()
        }
        gains[name] = {}
        for other in brought:
            if other != name:
                difference = value[name] - value[other]
                low, high = bootstrap.ratio_intervals(
                    {"gain": bootstrap.mean_parts(difference)}
                )["gain"]
                gains[name][other] = [float(difference.mean()), low, high]
    return {"true_means": means, "gain_by_own_weights_over": gains}


def main() -> None:
    """Runs the protocol and writes the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--world_users", type=int, default=WORLD.num_users)
    parser.add_argument("--outcome_weight", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        world = dataclasses.replace(WORLD, num_users=given.world_users)
        config = config_of(world, given.epochs, given.outcome_weight, given.seed)
        found = measure(given.workdir, config, given.users)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    text = json.dumps(found, indent=2)
    if given.results:
        given.results.write_text(text + "\n")
    rich.print(text)
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
