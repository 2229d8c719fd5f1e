"""Trains steps of the planted log in one process of a cluster; prints their losses.

    python -m tests.ops.cluster.losses_of_steps DATA STRATEGY STAGE STEPS

Run with a `TF_CONFIG` for `multi_worker`. The batch is small, so that epochs end.
"""

import dataclasses
import itertools
import pathlib
import sys

import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.log import prepared
from ytdnn.ranking import building
from ytdnn.training import candidates, device_strategy, loop, ranking


def config() -> configs.Config:
    """Returns settings with every kind of draw: dropout, negatives, held-out ids."""
    tiny = planted.tiny_config()
    training = configs.TrainingConfig(batch_size=64)
    own = dataclasses.replace(
        tiny.candidates,
        dropout=0.2,
        history_dropout=0.2,
        label=configs.NextWatchConfig(slice_length=4),
        training=training,
    )
    ranker = dataclasses.replace(tiny.ranking, dropout=0.2, training=training)
    return dataclasses.replace(tiny, candidates=own, ranking=ranker)


def make_stage(
    name: str, data: prepared.PreparedData, on: device_strategy.OneDevice
) -> loop.TrainingStage:
    """Returns a stage of the planted log with fresh weights."""
    run = config()
    randomness.set_seed(0)
    with on.scope():
        if name == "ranking":
            return ranking.make_stage(run, data, building.build(run.ranking, data))
        network = candidate_model.build(run.candidates, data)
    return candidates.make_stage(run, data, network)


def main(directory: str, strategy_name: str, name: str, num_steps: int) -> None:
    """Prints the loss of each step, and the validation metrics behind them."""
    on = device_strategy.make(strategy_name)
    stage = make_stage(name, prepared.load(pathlib.Path(directory)), on)
    settings = config().ranking if name == "ranking" else config().candidates
    trainer = loop.Trainer(stage, settings.training, 0, on)
    losses = []
    for epoch in itertools.count():
        for batch in on.batches(stage.batches, epoch, 0, trainer.step):
            if len(losses) < num_steps:
                number = tf.constant(len(losses), tf.int64)
                losses.append(float(trainer.step(batch, number)))
        if len(losses) == num_steps:
            break
    print("FOUND", losses, list(stage.validate().values()), sep="|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
