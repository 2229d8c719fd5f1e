"""Does an accelerator train with the losses of the CPU, and how much faster?

Claim (docs/scale.md): the step of candidate generation gives the same losses on one
CPU, compiled by XLA, and on the GPUs or the TPU of the machine.

    python -m experiments.benchmarks.accelerator

The network of `train_step` (PAPER §3.5) on the same batches and seed; the first losses
side by side, then the median time of later steps, from a batch in memory.

Measured 2026-11-26 on two cores of an AMD EPYC that other work kept busy (load 7.4), 10
steps each, TensorFlow 2.20, one thread for each operation:

| device | losses | greatest difference | examples/s | ratio |
|---|---|---|---|---|
| CPU | same | 0 | 1,984 | 1.00 |
| CPU, by XLA | same | 2.1e-07 | 1,349 | 0.68 |

no accelerator: unrun
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from experiments.benchmarks import measure, train_step
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.candidates import losses, tower_inputs
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.ops.cluster import strategies
from ytdnn.training import devices, loop

_TOLERANCE = 1e-3  # sums of other order, on hardware of other rounding


@dataclasses.dataclass(frozen=True)
class Run:
    """One device's training.

    Attributes:
      losses: Of the first steps.
      examples_per_second: Of the later ones.
    """

    losses: np.ndarray
    examples_per_second: float


class OneCompiled(strategies.Tpu):
    """One device with steps compiled by XLA."""

    strategy = devices.OneDevice.strategy


def trained(
    own: configs.CandidatesConfig,
    num_videos: int,
    repeats: int,
    on: devices.OneDevice,
) -> Run:
    """Trains some steps on a strategy's devices."""
    randomness.set_seed(0)
    with on.scope():
        model = candidate_model.CandidateModel(
            own, tower_inputs.TowerInputs(num_videos)
        )
        made = train_step.batches(own, num_videos)
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
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: tf.concat([batch[name] for batch in made], 0) for name in made[0]}
    ).batch(made[0][schema.LABELS].shape[0], drop_remainder=True)
    batches = iter(on.strategy.experimental_distribute_dataset(dataset.repeat()))
    found, seconds = [], []
    for number in range(len(made) + repeats):
        batch = next(batches)
        started = time.perf_counter()
        found.append(float(trainer.step(batch, tf.constant(number, tf.int64))))
        seconds.append(time.perf_counter() - started)
    rate = own.training.batch_size / float(np.median(seconds[len(made) :]))
    return Run(np.array(found[: len(made)]), rate)


def accelerators() -> Iterator[tuple[str, devices.OneDevice]]:
    """Yields the name and strategy of what there is beside the CPU."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        yield f"{len(gpus)} GPU", devices.make("mirrored")
    tpu = devices.make("tpu")
    try:
        _ = tpu.strategy  # joins it
    except errors.UserError:
        return
    yield "TPU", tpu


def main(argv: list[str] | None = None) -> None:
    """Prints losses and rates of the CPU and of every accelerator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args(argv)
    sizes = train_step.TINY if arguments.tiny else train_step.Sizes()
    own, num_videos = train_step.config(sizes), sizes.corpora[0]
    with tf.device("CPU"):
        alone = devices.make("none")
        cpu = trained(own, num_videos, arguments.repeats, alone)
        runs = {
            "CPU": cpu,
            "CPU, by XLA": trained(own, num_videos, arguments.repeats, OneCompiled()),
        }
    found = list(accelerators())
    for name, on in found:
        runs[name] = trained(own, num_videos, arguments.repeats, on)
    print(measure.environment())
    print()
    rows = []
    for name, run in runs.items():
        apart = float(np.max(np.abs(run.losses / cpu.losses - 1.0)))
        says = "same" if apart <= _TOLERANCE else "OTHER"
        ratio = run.examples_per_second / cpu.examples_per_second
        rate = f"{run.examples_per_second:,.0f}"
        rows.append([name, says, f"{apart:.1e}", rate, f"{ratio:.2f}"])
    header = ["device", "losses", "greatest difference", "examples/s", "ratio"]
    print(measure.table(header, rows))
    print()
    if not found:
        print("no accelerator: unrun")


if __name__ == "__main__":
    main()
