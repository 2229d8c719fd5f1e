"""Do a billion parameters train on parameter servers at the cost of a few?

Claim (docs/scale.md): with tables sharded over parameter servers no process holds a
whole table, and a step costs the rows of its batch, whatever the tables' size.

    python -m experiments.benchmarks.sharded_tables

A chief, a worker and two parameter servers on this machine, in a network of their own.
Watched and scored videos × 128, Adagrad, 1,024 examples and 4,096 negatives a step;
medians of steps that the coordinator hands out one by one.

Measured 2026-11-26 on two cores of an AMD EPYC that other work kept busy (load 5.7), 30
steps each, TensorFlow 2.20, one thread for each operation:

| videos | parameters of tables | ms a step | ratio |
|---|---|---|---|
| 100,000 | 25,600,000 | 85.5 | 1.00 |
| 4,000,000 | 1,024,000,000 | 98.7 | 1.16 |

(At load 9.5, the same day: 140.8 and 116.6, ratio .83.)

| process | most memory (GB) |
|---|---|
| chief | 0.99 |
| worker | 0.83 |
| each of two parameter servers | 5.65 and 5.71 |

The claim holds: a step costs little more at forty times the videos, and a server holds
its half of weights and accumulators (3.8 GiB) and, while a table is made, its half of
that twice: its initial values are drawn in blocks, so that they are those of one
process. Drawn at once, as other values, they took 4.83 GB.
"""

import argparse
import dataclasses
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf

from experiments.benchmarks import measure, train_step
from ytdnn import configs
from ytdnn.candidates import losses, tower_inputs
from ytdnn.candidates import model as candidate_model
from ytdnn.ops.cluster import local_cluster, strategies, tasks
from ytdnn.training import devices, loop

_STRATEGY = tasks.PARAMETER_SERVER
_SERVERS, _WORKERS = 2, 1
_FEW = 100_000


def settings(is_tiny: bool) -> configs.CandidatesConfig:
    """Returns the network that is trained."""
    if is_tiny:
        return train_step.config(train_step.TINY)
    sizes = dataclasses.replace(
        train_step.Sizes(), dim=128, tower=(256,), negatives=4_096
    )
    return train_step.config(sizes)


def step_seconds(
    own: configs.CandidatesConfig,
    num_videos: int,
    repeats: int,
    on: devices.OneDevice,
) -> float:
    """Returns the median time of a step, from its batch to its loss."""
    made = train_step.batches(own, num_videos)
    with on.scope():
        model = candidate_model.CandidateModel(
            own, tower_inputs.TowerInputs(num_videos)
        )
        model.query_vectors(made[0])
    stage = loop.TrainingStage(
        name="benchmark",
        model=model,
        tables=model.tables,
        batches=train_step.NoBatches(),
        steps_per_epoch=10_000,
        loss=losses.make(own, model, train_step.label_counts(num_videos)),
        validate=dict,
        monitor="",
    )
    trainer = loop.Trainer(stage, own.training, 0, on)
    seconds, found = [], []
    for number in range(3 + repeats):
        started = time.perf_counter()
        loss = trainer.step(made[number % len(made)], tf.constant(number, tf.int64))
        value = on.value(loss)
        assert value is not None
        found.append(float(value))
        seconds.append(time.perf_counter() - started)
    print(f"{num_videos:,} videos: losses {found[0]:.3f} … {found[-1]:.3f}", flush=True)
    return float(np.median(seconds[3:]))


def peaks() -> dict[str, float]:
    """Returns the most memory that each process of the cluster held, in gigabytes."""
    found = {}
    for place in pathlib.Path("/proc").iterdir():
        try:
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            lines = (place / "status").read_text().splitlines()
            environment = (place / "environ").read_text()
        except (OSError, ValueError):
            continue
        if parent == str(os.getppid()):
            peak = next(line for line in lines if line.startswith("VmHWM"))
            task = environment.partition('"type": "')[2]
            name = task.partition('"')[0]
            index = task.partition('"index": ')[2].partition("}")[0]
            found[f"{name} {index}"] = int(peak.split()[1]) / 2**20
    return dict(sorted(found.items()))


def process(arguments: argparse.Namespace) -> None:
    """Is one process of the cluster: the chief measures, the others serve."""
    cluster = configs.ClusterConfig(shard_megabytes=0.0001 if arguments.tiny else 1.0)
    task = tasks.from_environment(_STRATEGY)
    if not task.is_chief:
        strategies.serve(task, cluster)
        return
    on = devices.make(_STRATEGY, cluster)
    own = settings(arguments.tiny)
    few = 50 if arguments.tiny else _FEW
    rows = []
    for number in (few, arguments.videos):
        seconds = step_seconds(own, number, arguments.repeats, on)
        parameters = 2 * number * own.embedding_dim
        rows.append((number, parameters, seconds))
    first = rows[0][2]
    print(measure.environment())
    print()
    print(
        measure.table(
            ["videos", "parameters of tables", "ms a step", "ratio"],
            [
                [f"{n:,}", f"{p:,}", f"{1e3 * s:.1f}", f"{s / first:.2f}"]
                for n, p, s in rows
            ],
        )
    )
    print()
    memory = [[name, f"{peak:.2f}"] for name, peak in peaks().items()]
    print(measure.table(["process", "most memory (GB)"], memory), flush=True)


def main(argv: list[str] | None = None) -> None:
    """Starts the cluster, whose chief prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=4_000_000)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--is_process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.is_process:
        process(arguments)
        return
    given = [f"--videos={arguments.videos}", f"--repeats={arguments.repeats}"]
    given += ["--tiny"] if arguments.tiny else []
    module = "experiments.benchmarks.sharded_tables"
    with tempfile.TemporaryDirectory() as logs:
        plan = local_cluster.Plan(
            command=(sys.executable, "-m", module, "--is_process", *given),
            workers=_WORKERS,
            servers=_SERVERS,
            logs=pathlib.Path(logs),
            restarts=0,
            say=print,
        )
        status = local_cluster.run(plan)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
