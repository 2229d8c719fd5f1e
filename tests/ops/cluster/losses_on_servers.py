"""Trains the planted log, variables sharded or not, and prints its losses.

    python -m tests.ops.cluster.losses_on_servers DATA STRATEGY HASHED_ROWS

With `parameter_server` it is a process of a cluster, as its `TF_CONFIG` says.
"""

import pathlib
import sys

import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.log import prepared
from ytdnn.models.candidates import model as candidate_model
from ytdnn.models.layers import randomness
from ytdnn.ops.cluster import strategies, tasks
from ytdnn.training import candidates, devices, loop

SHARDED = configs.ClusterConfig(start_seconds=90, shard_megabytes=0.0005)
EPOCHS = 3


def main(directory: str, name: str, hashed_rows: str) -> None:
    """Prints the loss of each step, and the validation metrics behind them."""
    task = tasks.from_environment(name)
    if task is not None and not task.is_chief:
        strategies.serve(task, SHARDED)
        return
    on = devices.make(name, SHARDED)
    data = prepared.load(pathlib.Path(directory))
    config = planted.cluster_config(data.config)
    rows = {"candidates.hashed_rows": int(hashed_rows)}
    config = configs.changed(config, rows)
    randomness.set_seed(0)
    with on.scope():
        network = candidate_model.build(config.candidates, data)
    names = [variable.name for variable in network.variables]
    sharded = [name for name in names if "/part_1" in name]
    stage = candidates.make_stage(config, data, network)
    trainer = loop.Trainer(stage, config.candidates.training, 0, on)
    steps = []
    for epoch in range(EPOCHS):
        for batch in trainer.executor.batches(stage.batches, epoch, 0):
            number = tf.constant(len(steps), tf.int64)
            steps.append(trainer.step(batch, number))
    trainer.executor.finish()
    losses = [float(trainer.executor.value(step)) for step in steps]
    metrics = list(stage.validate().values())
    print("FOUND", losses, metrics, sharded, sep="|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
