"""Trains the planted log from given weights, tables sharded or not; prints its losses.

    python -m tests.training.losses_on_servers DATA STRATEGY WEIGHTS

With `none` it writes the initial weights, with `parameter_server` it begins with them:
a process of a cluster, as its `TF_CONFIG` says.
"""

import pathlib
import re
import sys

import numpy as np
import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.data import prepared
from ytdnn.training import candidates, determinism, loop, strategies, tasks

SHARDED = configs.Cluster(start_seconds=90, shard_megabytes=0.0005)
EPOCHS = 3


def whole_name(variable: tf.Variable) -> str:
    """Returns the name of a variable, or of the table that it is a shard of."""
    return re.sub(r"/part_\d+", "", variable.name)


def assign(variables: list[tf.Variable], weights: dict[str, np.ndarray]) -> set[str]:
    """Gives variables their weights, shards their rows; returns what is sharded."""
    done = dict.fromkeys(weights, 0)
    for variable in variables:
        name = whole_name(variable)
        whole, size = weights[name], variable.shape[0] if variable.shape.rank else 1
        rows = whole[done[name] : done[name] + size] if whole.ndim else whole
        variable.assign(rows)
        done[name] += size
    names = [whole_name(variable) for variable in variables]
    return {name for name in names if names.count(name) > 1}


def main(directory: str, name: str, weights: str) -> None:
    """Prints the loss of each step, and the validation metrics behind them."""
    task = tasks.of(name)
    if task is not None and not task.is_chief:
        strategies.serve(task, SHARDED)
        return
    strategy = strategies.make(name, SHARDED)
    data = prepared.load(pathlib.Path(directory))
    config = planted.cluster_config(data.config)
    determinism.set_seed(0)
    with strategy.scope():
        network = candidate_model.build(config.candidates, data)
    sharded: set[str] = set()
    if task is None:
        np.savez(weights, **{v.name: v.numpy() for v in network.variables})
    else:
        sharded = assign(network.variables, dict(np.load(weights)))
    stage = candidates.make_stage(config, data, network)
    trainer = loop.Trainer(stage, config.candidates.training, 0, strategy, SHARDED)
    steps = []
    for epoch in range(EPOCHS):
        for batch in trainer.executor.batches(stage.batches, epoch, 0):
            number = tf.constant(len(steps), tf.int64)
            steps.append(trainer.step(batch, number))
    trainer.executor.finish()
    losses = [float(trainer.executor.value(step)) for step in steps]
    metrics = list(stage.validate().values())
    print("FOUND", losses, metrics, sorted(sharded), sep="|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
