"""Does the same tower train faster here than in TensorFlow Recommenders?

Claim: at least twice the examples a second, on MovieLens-1M and at a million videos.

    python -m experiments.benchmarks.peers --data=ml-1m.zip
    python -m experiments.benchmarks.peers --videos=1000000

One averaged bag of the last 50 watches, 64 dims, hidden layers 128-64, batch 1,024. An
example is one label. Ours is `ytdnn train`: 1,024 sampled negatives, corrected, in
bfloat16, 20 steps a call, Adagrad of 0.1 for tables, Adam of 0.001 for the rest. TFRS
is as its tutorials write it ("retrieval using a sequential model", with the dense
layers of "using deep models in retrieval"): `tasks.Retrieval` with the other labels of
the batch as negatives, Adagrad of 0.1, Keras' `fit` over a cache of batches.

Each training is a process of its own on the same core with one thread, in turns.
Seconds are the processor's, so that other work on the machine is not counted. A rate is
of the difference between a training of several epochs and one of one epoch; of turns
the median is shown. Results: docs/results.md.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from experiments.benchmarks import measure, size
from ytdnn.features import base_feature, feature_choice
from ytdnn.log import prepared

_DIM, _HIDDEN, _HISTORY, _BATCH = 64, (128, 64), 50, 1_024
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_STAGE = "--stage=candidates"
_MOVIELENS = (
    "--source=movielens",
    "--config.data.order_by=order",
    "--config.data.min_item_count=5",
    "--config.data.min_user_count=5",
)


def settings(epochs: int) -> list[str]:
    """Returns the flags of the tower: a mean bag of watches and nothing else."""
    features = feature_choice.network_features(base_feature.CANDIDATES)
    names = [f.name for f in features if base_feature.CANDIDATES in f.default_in]
    values = {
        "embedding_dim": _DIM,
        "history_length": _HISTORY,
        "decay_rates": "",
        "tower": ",".join(map(str, _HIDDEN)),
        "history_dropout": 0,
        "train_on_validation": "true",
        "features.remove": ",".join(names),
        "content.enabled": "false",
        "loss": "sampled_softmax",
        "loss.num_negatives": 1_024,
        "precision": "bfloat16",
        "training.epochs": epochs,
        "training.batch_size": _BATCH,
        "training.steps_per_execution": 20,
    }
    return [f"--config.candidates.{name}={value}" for name, value in values.items()]


def ours(workdir: pathlib.Path, epochs: int) -> float:
    """Trains by the command and returns the processor's seconds."""
    shutil.rmtree(workdir / "candidates", ignore_errors=True)
    number = f"--config.candidates.training.epochs={epochs}"
    return _call("ytdnn", "train", f"--workdir={workdir}", _STAGE, number)


def theirs(workdir: pathlib.Path, epochs: int) -> float:
    """Trains TFRS in a process and returns the processor's seconds."""
    module = "experiments.benchmarks.peers"
    return _call(module, f"--train_tfrs={workdir}", f"--epochs={epochs}")


def _call(*words: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", *words],
        env=os.environ | dict.fromkeys(_THREADS, "1"),
        stdout=subprocess.DEVNULL,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class TutorialModel(tfrs.Model):
    """The model of two towers of TFRS' tutorials."""

    def __init__(self, num_videos: int) -> None:
        """Makes both towers and the task with its metrics."""
        super().__init__()
        keras = tf.keras.layers
        self.query_model = tf.keras.Sequential(
            [
                keras.Embedding(num_videos + 1, _DIM, mask_zero=True),
                keras.GlobalAveragePooling1D(),
                *(keras.Dense(width, activation="relu") for width in _HIDDEN),
                keras.Dense(_DIM),
            ]
        )
        self.candidate_model = tf.keras.Sequential(
            [keras.Embedding(num_videos + 1, _DIM)]
        )
        movies = tf.data.Dataset.range(1, num_videos + 1)
        metrics = tfrs.metrics.FactorizedTopK(
            candidates=movies.batch(128).map(self.candidate_model)
        )
        self.task = tfrs.tasks.Retrieval(metrics=metrics)

    def compute_loss(
        self, features: dict[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Returns the loss; metrics are computed outside training only."""
        return self.task(
            self.query_model(features["context_movie_id"]),
            self.candidate_model(features["label_movie_id"]),
            compute_metrics=not training,
        )


def examples(data: prepared.PreparedData) -> tuple[np.ndarray, np.ndarray]:
    """Returns every watch but a user's first, with the watches before it.

    Returns:
      Histories `[n, 50]`, padded in front with 0, and labels `[n]`, int32.
    """
    offsets = np.asarray(data.watches.offsets)
    videos = np.asarray(data.watches.videos).astype(np.int32)
    starts = np.repeat(offsets[:-1], np.diff(offsets))
    places = np.arange(len(videos))
    places = np.random.default_rng(0).permutation(places[places > starts])
    histories = np.zeros((len(places), _HISTORY), np.int32)
    for back in range(1, _HISTORY + 1):
        inside = places - back >= starts[places]
        histories[inside, -back] = videos[places[inside] - back]
    return histories, videos[places]


def train_tfrs(workdir: pathlib.Path, epochs: int) -> None:
    """Trains by Keras' `fit`."""
    data = prepared.load(workdir / prepared.KIND)
    tf.keras.utils.set_random_seed(0)  # Keras draws its first weights by Python's
    histories, labels = examples(data)
    columns = {"context_movie_id": histories, "label_movie_id": labels}
    batches = tf.data.Dataset.from_tensor_slices(columns).shuffle(10_000)
    model = TutorialModel(data.vocabulary_size)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(learning_rate=0.1))
    model.fit(batches.batch(_BATCH).cache(), epochs=epochs, verbose=0)


def rate(
    train: Callable[[pathlib.Path, int], float], workdir: pathlib.Path, epochs: int
) -> float:
    """Returns the examples a second of a training, its first epoch left out."""
    number = len(examples(prepared.load(workdir / prepared.KIND))[1])
    first = train(workdir, 1)
    return number * epochs / (train(workdir, 1 + epochs) - first)


def table(workdir: pathlib.Path, turns: int, epochs: int) -> str:
    """Returns examples a second and the ratio, of trainings in turns."""
    pairs = [
        (rate(ours, workdir, epochs), rate(theirs, workdir, epochs))
        for _ in range(turns)
    ]
    mine, other = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratio = statistics.median(one / two for one, two in pairs)
    rows = [["ytdnn", f"{mine:,.0f}", ""]]
    rows.append(["TFRS tutorial", f"{other:,.0f}", f"{ratio:.2f}"])
    return measure.table(["system", "examples/s", "ours / it"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="directory or zip of ml-1m")
    parser.add_argument("--videos", type=int, default=0, help="of a made log instead")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train_tfrs", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.train_tfrs:
        train_tfrs(options.train_tfrs, options.epochs)
        return
    if not options.data and not options.videos:
        parser.error("expected --data=DIRECTORY of MovieLens-1M, its zip, or --videos")
    with tempfile.TemporaryDirectory() as scratch:
        home = pathlib.Path(scratch)
        source = [*_MOVIELENS, f"--data_dir={options.data}"]
        if options.videos:
            size.write_log(home / "log", options.videos, 2 * options.videos)
            source = ["--source=log", f"--data_dir={home / 'log'}"]
        workdir = home / "run"
        flags = ["--protocol=leave_one_out", "--config.data.vocabulary=all"]
        flags += [*settings(options.epochs), f"--workdir={workdir}"]
        _call("ytdnn", "prepare", *source, *flags)
        print(measure.environment())
        print(f"\n{table(workdir, options.turns, options.epochs)}")


if __name__ == "__main__":
    main()
