"""Does the input pipeline keep far ahead of the training it feeds?

Claim: with slices of consecutive positions, which share one gather of history rows, the
pipeline alone is at least five times as fast as training, and training on MovieLens-1M
is at least twice as fast as with a gather for each example.

    python -m experiments.benchmarks.input --data_dir=ml-1m

Without `--data_dir` the embedded world stands for MovieLens-1M. The plain way gathers
50 rows for each example and uses TensorFlow's softmax, in float32, batch 1,024; sizes
are those of movielens_1m.py in both: 128 dims, six bags, 1024-512.

Measured 2026-11-24 on MovieLens-1M, two cores of an AMD EPYC with AVX-512 bfloat16,
shared with other work (load 6):

| | input alone, examples/s | training, examples/s | input / training |
|---|---|---|---|
| now | 6,841,987 | 20,799 | 329 |
| plain way | 1,561,158 | 8,297 | 188 |

Training, now / plain: 2.51 (2.04 in a run before the features of PAPER §3.3).
"""

import argparse
import dataclasses
import itertools
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from experiments import movielens_1m
from experiments.benchmarks import measure
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.log import prepare, prepared
from ytdnn.training import candidates, devices, loop

_STEPS = 8  # timed together
_BATCHES = 64  # of the pipeline alone, many so that those it holds ready do not count
_TINY = 2  # of either, in a test


def trial_config(config: configs.Config) -> configs.Config:
    """Returns the plain way: 50 rows gathered for each example, all float32."""
    return configs.changed(
        config,
        {
            "candidates.label": configs.NextWatchConfig(slice_length=1),
            "candidates.loss": configs.FullSoftmaxConfig(),
            "candidates.precision": "float32",
            "candidates.training.batch_size": 1024,
        },
    )


def composed_softmax(model: candidate_model.CandidateModel) -> Callable[..., tf.Tensor]:
    """Returns the trial's loss: TensorFlow's own softmax over all videos."""

    def loss(
        batch: dict[str, tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        queries = model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        logits = tf.matmul(queries, model.videos.table, transpose_b=True) + model.bias
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    return loss


class Run:
    """One way to train: its batches, alone or with the steps they feed."""

    def __init__(
        self,
        config: configs.Config,
        data: prepared.PreparedData,
        trial: bool,
        tiny: bool,
    ) -> None:
        """Builds the model and compiles nothing yet."""
        self.num_steps = _TINY if tiny else _STEPS
        self.num_batches = _TINY if tiny else _BATCHES
        model = candidate_model.build(config.candidates, data)
        stage = candidates.make_stage(config, data, model)
        if trial:
            stage = dataclasses.replace(stage, loss=composed_softmax(model))
        training = config.candidates.training
        self.batch_size = training.batch_size
        self._stage = stage
        self._trainer = loop.Trainer(stage, training, 0, devices.make("none"))
        self._fed, self._alone = self._batches(), self._batches()
        self._steps = itertools.count()

    def _batches(self) -> Iterator[dict[str, tf.Tensor]]:
        for epoch in itertools.count():
            for dataset in self._stage.batches(epoch, 0):
                yield from dataset

    def train(self) -> None:
        """Makes a block of steps, their input included."""
        for _ in range(self.num_steps):
            step = tf.constant(next(self._steps), tf.int64)
            loss = self._trainer.step(next(self._fed), step)
        float(loss)

    def read(self) -> None:
        """Reads a block of batches, the pipeline's own work alone."""
        for _ in range(self.num_batches):
            next(self._alone)


def compare(
    config: configs.Config,
    data: prepared.PreparedData,
    repeats: int,
    tiny: bool = False,
) -> str:
    """Returns the table of examples a second, all measured in turns."""
    runs = {
        "now": Run(config, data, trial=False, tiny=tiny),
        "plain way": Run(trial_config(config), data, trial=True, tiny=tiny),
    }
    functions: dict[str, Callable[[], None]] = {}
    for name, run in runs.items():
        functions |= {f"{name}, input": run.read, f"{name}, training": run.train}
    seconds = measure.interleaved(functions, repeats)
    rates = {}
    for name, run in runs.items():
        steps = {"input": run.num_batches, "training": run.num_steps}
        for part, number in steps.items():
            examples = number * run.batch_size
            rates[f"{name}, {part}"] = examples / seconds[f"{name}, {part}"]
    rows = [
        [
            name,
            f"{rates[f'{name}, input']:,.0f}",
            f"{rates[f'{name}, training']:,.0f}",
            f"{rates[f'{name}, input'] / rates[f'{name}, training']:.1f}",
        ]
        for name in runs
    ]
    ratio = rates["now, training"] / rates["plain way, training"]
    header = ["", "input alone, examples/s", "training, examples/s", "input / training"]
    return f"{measure.table(header, rows)}\n\ntraining, now / plain: {ratio:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", default="", help="MovieLens-1M")
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    randomness.set_seed(0)
    config = movielens_1m.get_config()
    source = configs.changed(config.data, {"dir": options.data_dir})
    if not options.data_dir:
        small = configs.WorldConfig(num_users=40, num_videos=60, num_days=20)
        source = configs.DataConfig(
            world=small if options.tiny else configs.WorldConfig()
        )
    if options.tiny:
        tiny = {"candidates.embedding_dim": 8, "candidates.tower": (16, 8)}
        config = configs.changed(config, tiny)
    with tempfile.TemporaryDirectory() as directory:
        data = prepare.prepare(source, pathlib.Path(directory) / "data")
        table = compare(config, data, options.repeats, options.tiny)
        size = f"{data.num_videos:,} videos, {np.size(data.watches.videos):,} watches"
    print(f"{measure.environment()}\n{size}\n\n{table}")


if __name__ == "__main__":
    main()
