"""Trains the planted log, variables sharded or not, and prints its losses.

    python -m tests.ops.cluster.losses_on_servers DATA STRATEGY STAGE

With `parameter_server` it is a process of a cluster, as its `TF_CONFIG` says.
"""

import pathlib
import sys

import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.log import prepared
from ytdnn.ops.cluster import strategies, tasks
from ytdnn.ranking import building
from ytdnn.training import candidates, device_strategy, loop, ranking

EPOCHS = 3


def make_stage(
    name: str,
    config: configs.Config,
    data: prepared.PreparedData,
    on: device_strategy.OneDevice,
) -> loop.TrainingStage:
    """Returns a stage with fresh weights."""
    with on.scope():  # a process joins its cluster before it makes a tensor
        randomness.set_seed(0)
    if name == "ranking":
        ranker = building.build(config.ranking, data, None, on.scope())
        return ranking.make_stage(config, data, ranker)
    with on.scope():
        network = candidate_model.build(config.candidates, data)
    return candidates.make_stage(config, data, network)


def main(directory: str, name: str, stage_name: str) -> None:
    """Prints the loss of each step, and the validation metrics behind them."""
    configs.ClusterConfig.start_seconds = 90
    configs.ClusterConfig.shard_megabytes = 0.0005
    if name == tasks.PARAMETER_SERVER:
        task = tasks.from_environment(name)
        if not task.is_chief:
            strategies.serve(task, configs.ClusterConfig())
            return
    on = device_strategy.make(name)
    data = prepared.load(pathlib.Path(directory))
    config = planted.cluster_config(data.config)
    stage = make_stage(stage_name, config, data, on)
    names = [variable.name for variable in stage.model.variables]
    sharded = [name for name in names if "/part_1" in name]
    trainer = loop.Trainer(stage, getattr(config, stage_name).training, 0, on)
    steps = []
    for epoch in range(EPOCHS):
        for batch in on.batches(stage.batches, epoch, 0, trainer.step):
            steps.append(trainer.step(batch, tf.constant(len(steps), tf.int64)))
    on.finish()
    losses = [float(on.value(step)) for step in steps]
    metrics = list(stage.validate().values())
    print("FOUND", losses, metrics, sharded, sep="|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
