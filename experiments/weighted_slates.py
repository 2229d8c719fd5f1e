r"""Does a slate earn what its weights ask for, by the truth?

Claim: on a world with likes and dislikes, of the slates of several weightings each is
the best by its own weighted sum, counted by the world's truth (docs/feedback.md).

    python -m experiments.weighted_slates --workdir=runs/slates \
        --results=runs/slates/results.json

Protocol: one run on a world with `outcomes`, the ranker's predictions as served. Every
user of a sample is answered once with each weighting, a second after the log. A slate
counts by the true probability of a click at each place, times what a click brings: the
expected seconds, the probability of a like and of a dislike
(`ytdnn/world/page_truth.py`, `truth.py`). Numbers are means over users; differences are
paired by user.
"""

import argparse
import json
import pathlib
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import rich

import ytdnn
from ytdnn import configs, errors, schema
from ytdnn.metrics import bootstrap
from ytdnn.world import generate, page_truth, truth

WORLD = configs.WorldConfig(
    num_users=2_000,
    num_videos=2_000,
    num_topics=10,
    num_days=40,
    watches_per_user=60,
    outcomes=True,
)
SECONDS = schema.WATCH_SECONDS
WEIGHTS: dict[str, dict[str, float]] = {
    "watch seconds": {SECONDS: 1.0},
    "and likes": {SECONDS: 1.0, schema.LIKED: 1_000.0},
    "and no dislikes": {SECONDS: 1.0, schema.DISLIKED: -5_000.0},
    "likes alone": {schema.LIKED: 1.0},
    "no dislikes, alone": {schema.DISLIKED: -1.0},
    "all three": {SECONDS: 1.0, schema.LIKED: 1_000.0, schema.DISLIKED: -5_000.0},
}
K = 8

Values = npt.NDArray[np.float64]


def config_of(world: configs.WorldConfig, epochs: int, seed: int = 0) -> configs.Config:
    """Returns the run.

    Args:
      world: The world.
      epochs: Epochs of the candidates, and twice of the ranker, at most.
      seed: Seed of training.
    """
    return configs.Config(
        data=configs.DataConfig(source="world", world=world),
        candidates=configs.CandidatesConfig(
            embedding_dim=32,
            tower=(64,),
            training=configs.TrainingConfig(epochs=epochs, batch_size=1024),
        ),
        ranking=configs.RankingConfig(
            enabled=True,
            tower=(128, 64),
            training=configs.TrainingConfig(
                epochs=2 * epochs, batch_size=512, patience=2
            ),
        ),
        index=configs.IndexConfig(search=configs.ExactConfig()),
        composition=configs.CompositionConfig(num_candidates=200),
        evaluation=configs.EvaluationConfig(baselines=()),
        seed=seed,
    )


def true_values(
    world: generate.World, users: Values, slates: Values, at: int
) -> dict[str, Values]:
    """Returns what slates truly bring, `[users]` of each quantity.

    Args:
      world: The world.
      users: `[users]` numbers.
      slates: `[users, k]` numbers of videos, -1 where there is none.
      at: Time of the requests, seconds.
    """
    times = np.full(len(users), at)
    positions = np.arange(slates.shape[1])
    worth = page_truth.of_pages(world, users, slates, times, positions)
    rows = np.repeat(users, slates.shape[1])
    brought = truth.outcome_probabilities(
        world, rows, slates.ravel(), np.full(len(rows), at), worth.clicks.ravel()
    )
    found = {SECONDS: worth.seconds.sum(axis=1), schema.CLICKED: worth.clicks.sum(1)}
    for name, chances in brought.items():
        found[name] = np.where(slates >= 0, chances.reshape(slates.shape), 0.0).sum(1)
    return found


def measure(
    workdir: pathlib.Path, config: configs.Config, num_users: int
) -> dict[str, Any]:
    """Makes the run, asks for slates of every weighting, and returns the numbers."""
    for step in (ytdnn.prepare, ytdnn.train, ytdnn.export):
        step(workdir, config)
    recommender = ytdnn.Recommender.load(workdir / "bundle", workdir / "data")
    world = generate.World(config.data.world)
    ids = recommender.data.users[schema.USER_ID].to_list()[:num_users]
    users = np.array([int(one[1:]) for one in ids])
    at = recommender.data.end_of_log + 1
    brought = {}
    for name, weights in WEIGHTS.items():
        frame = recommender.recommend(ids, k=K, weights=weights)
        slates = np.full((len(ids), K), -1)
        rows = {one: row for row, one in enumerate(ids)}
        for user, rank, video in frame.select(
            schema.USER_ID, "rank", schema.VIDEO_ID
        ).iter_rows():
            slates[rows[user], rank - 1] = int(video[1:])
        brought[name] = true_values(world, users, slates, at)
    return report(brought)


def report(brought: dict[str, dict[str, Values]]) -> dict[str, Any]:
    """Returns the true means of each slate, and the gain of each by its own weights."""
    means = {
        name: {quantity: float(of_users.mean()) for quantity, of_users in one.items()}
        for name, one in brought.items()
    }
    gains: dict[str, dict[str, list[float]]] = {}
    for name, weights in WEIGHTS.items():

        def value(slate: str, weights: dict[str, float] = weights) -> Values:
            of_slate = brought[slate]
            return np.sum([w * of_slate[q] for q, w in weights.items()], axis=0)

        gains[name] = {}
        for other in WEIGHTS:
            if other != name:
                difference = value(name) - value(other)
                mean = {"gain": difference}
                low, high = bootstrap.mean_intervals(mean)["gain"]
                gains[name][other] = [float(difference.mean()), low, high]
    return {"true_means": means, "gain_by_own_weights_over": gains}


def main() -> None:
    """Runs the protocol and writes the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        config = config_of(WORLD, given.epochs, given.seed)
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
