"""Does a training step cost the same at a million videos, and is it mostly products?

Claim (PAPER §3.1, §3.5): with several thousand sampled negatives and row-sparse
optimisers the time of a step does not grow with the corpus, nearly all of it is
matrix products, and it is over 100 times cheaper for an example than a full softmax.

    python -m experiments.benchmarks.train_step

256 dims, a bag of 50 watches, tower 1024-512-256, batch 1,024, 8,192 negatives beside
the in-batch ones, Adagrad; the bare products of the same sizes are timed in turns with
the steps. `--parts flat optimizers full memory` chooses; without, all.

Measured 2026-11-24, two cores of an AMD EPYC with AVX-512 bfloat16, both shared with
other work (load 2 to 7), so compare shares and ratios, not milliseconds; a quiet moment
gave 67 ms a step in float32 at 100,000 videos.

| dtype | videos | ms | of the products' rate | × smallest |
|---|---|---|---|---|
| float32 | products alone | 126.6 | 100% | |
| float32 | 10,000 | 147.5 | 86% | 1.00 |
| float32 | 100,000 | 151.2 | 84% | 1.02 |
| float32 | 1,000,000 | 163.1 | 78% | 1.11 |
| bfloat16 | products alone | 64.2 | 100% | |
| bfloat16 | 1,000,000 | 98.5 | 65% | |

One thread, by the processor's time (medians of eight steps and products in turns), at
a million videos, before and after the step made fewer passes over its logits;
2026-11-26, load 6 before, 13 to 15 after (again, both dtypes at once and nothing else:
83% and 59%):

| dtype | before: step | products | share | after: step | products | share |
|---|---|---|---|---|---|---|
| float32 | 256.7 | 199.4 | 78% | 233.5 | 199.2 | 85% |
| bfloat16 | 174.9 | 107.5 | 61% | 165.0 | 108.2 | 66% |

| tables | ms at 10,000 | ms at 1,000,000 | ratio |
|---|---|---|---|
| adagrad | 306.5 | 298.0 | 0.97 |
| lazy_adam | 268.8 | 266.0 | 0.99 |
| adam | 242.5 | 3418.5 | 14.10 |

Loss and table update at a million videos: 58.9 µs an example with 4,096 negatives,
15,604 µs with the full softmax (batch 128): 265 times.

| tables | videos | GiB of in and out tables | GiB at most |
|---|---|---|---|
| adagrad | 10,000 | 0.02 | 0.85 |
| adagrad | 100,000 | 0.19 | 1.20 |
| adagrad | 1,000,000 | 1.91 | 4.89 |
| lazy_adam | 10,000 | 0.02 | 0.90 |
| lazy_adam | 100,000 | 0.19 | 1.41 |
| lazy_adam | 1,000,000 | 1.91 | 6.82 |
"""

import argparse
import dataclasses
import functools
import itertools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.benchmarks import given_users, measure
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import losses, tower_inputs
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.log import streaming
from ytdnn.training import devices, loop

_NUM_BATCHES = 8
_ZIPF = 1.0


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The paper's sizes (§3.5), or tiny ones for a test.

    Attributes:
      dim: Width of embeddings and of the user vector.
      tower: ReLU layers below the user vector.
      batch: Examples a step.
      negatives: Sampled negatives.
      few_negatives: Those of the comparison with the full softmax.
      full_batch: Batch of the full softmax.
      history: Watches in the bag.
      corpora: Numbers of videos.
    """

    dim: int = 256
    tower: tuple[int, ...] = (1024, 512)
    batch: int = 1024
    negatives: int = 8192
    few_negatives: int = 4096
    full_batch: int = 128
    history: int = 50
    corpora: tuple[int, ...] = (10_000, 100_000, 1_000_000)


TINY = Sizes(8, (16, 8), 32, 64, 32, 16, 5, (50, 100))


def label_counts(num_videos: int) -> np.ndarray:
    """Returns counts of labels that fall with rank as Zipf's law, 1 for the last."""
    return num_videos / np.arange(1, num_videos + 1) ** _ZIPF


def config(sizes: Sizes, **settings: object) -> configs.CandidatesConfig:
    """Returns the paper's network: one averaged bag, the tower, the table."""
    training = settings.pop("training", configs.TrainingConfig(batch_size=sizes.batch))
    values = {
        "embedding_dim": sizes.dim,
        "history_length": sizes.history,
        "decay_rates": (),
        "tower": sizes.tower,
        "history_dropout": 0.0,
        "loss": configs.SampledSoftmaxConfig(num_negatives=sizes.negatives),
        "training": training,
    } | settings
    return configs.CandidatesConfig(**values)  # type: ignore[arg-type]


def batches(
    settings: configs.CandidatesConfig, num_videos: int
) -> list[dict[str, tf.Tensor]]:
    """Returns batches of slices whose videos are drawn by `label_counts`."""
    rng = np.random.default_rng(0)
    length, positions = settings.history_length, configs.NextWatchConfig().slice_length
    slices = settings.training.batch_size // positions
    counts = label_counts(num_videos)
    cumulative = np.cumsum(counts) / counts.sum()

    def videos(*shape: int) -> tf.Tensor:
        drawn = np.searchsorted(cumulative, rng.random(shape), side="right")
        return tf.constant(1 + np.minimum(drawn, num_videos - 1), tf.int32)

    users = np.repeat(np.arange(slices)[:, np.newaxis], positions, axis=1)
    return [
        {
            schema.WATCH_ROWS: videos(slices, length + positions - 1),
            schema.FIRST_ROWS: tf.zeros([slices, positions], tf.int32),
            schema.LABELS: videos(slices, positions),
            schema.WEIGHTS: tf.ones([slices, positions]),
            schema.USER_INDICES: tf.constant(users, tf.int32),
        }
        for _ in range(_NUM_BATCHES)
    ]


class NoBatches:
    """Stands for the batches of a stage whose steps are given theirs."""

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields none."""
        del epoch, first_step
        yield from ()

    def part(self, rows: streaming.WholeBatch) -> "NoBatches":
        """Returns the same."""
        del rows
        return self


def step_runner(
    settings: configs.CandidatesConfig, num_videos: int
) -> Callable[[], float]:
    """Returns what trains one step of the loop's own trainer."""
    model = candidate_model.CandidateModel(
        settings, tower_inputs.TowerInputs(num_videos)
    )
    made = batches(settings, num_videos)
    model.query_vectors(made[0])
    stage = loop.TrainingStage(
        name="benchmark",
        model=model,
        tables=model.tables,
        batches=NoBatches(),
        steps_per_epoch=10_000,
        loss=losses.make(settings, model, label_counts(num_videos)),
        validate=dict,
        monitor="",
    )
    trainer = loop.Trainer(stage, settings.training, 0, devices.make("none"))
    turns = zip(itertools.cycle(made), itertools.count(), strict=False)

    def run() -> float:
        batch, step = next(turns)
        return float(trainer.step(batch, tf.constant(step, tf.int64)))

    return run


def products(sizes: Sizes) -> list[measure.Product]:
    """Returns the matrix products of a step: of the tower and of the softmax.

    Those of the bags, a hundredth of them, are left out.
    """
    widths = [sizes.dim, *sizes.tower, sizes.dim]
    layers = [
        measure.with_gradients(sizes.batch, inner, outer)
        for inner, outer in itertools.pairwise(widths)
    ]
    columns = sizes.batch + sizes.negatives
    softmax = [
        measure.Product(sizes.batch, sizes.dim, columns, transpose_b=True),
        measure.Product(sizes.batch, columns, sizes.dim),
        measure.Product(columns, sizes.batch, sizes.dim, transpose_a=True),
    ]
    return [*itertools.chain(*layers), *softmax]


def flat_in_the_corpus(sizes: Sizes, repeats: int) -> str:
    """Times steps of row-sparse Adagrad and the bare products, in turns."""
    functions: dict[str, Callable[[], object]] = {}
    for dtype in ("float32", "bfloat16"):
        bare = [product.runner(dtype) for product in products(sizes)]
        functions[f"{dtype} products"] = functools.partial(_all, bare)
        for videos in sizes.corpora if dtype == "float32" else sizes.corpora[-1:]:
            settings = config(sizes, precision=dtype)
            functions[f"{dtype} {videos}"] = step_runner(settings, videos)
    seconds = measure.interleaved(functions, repeats)
    flops = sum(product.flops for product in products(sizes))
    smallest = seconds[f"float32 {sizes.corpora[0]}"]
    rows = []
    for name, value in seconds.items():
        dtype, _, what = name.partition(" ")
        share = seconds[f"{dtype} products"] / value
        growth = "" if what == "products" else f"{value / smallest:.2f}"
        rows.append(
            [
                dtype,
                what,
                f"{value * 1e3:.1f}",
                f"{flops / value / 1e9:.0f}",
                f"{share:.0%}",
                growth,
            ]
        )
    header = ["dtype", "videos", "ms", "GFLOP/s", "of the products' rate", "× smallest"]
    return measure.table(header, rows)


def _all(functions: Sequence[Callable[[], object]]) -> None:
    for function in functions:
        function()


def optimizers(sizes: Sizes, repeats: int) -> str:
    """Times the step of each table optimiser at the smallest and largest corpus.

    Each in a process of its own, since together they would not fit into memory.
    """
    ends = (sizes.corpora[0], sizes.corpora[-1])
    rows = []
    for kind in ("adagrad", "lazy_adam", "adam"):
        small, large = _in_own_process(_seconds_of_ends, sizes, kind, ends, repeats)
        times = [f"{small * 1e3:.1f}", f"{large * 1e3:.1f}", f"{large / small:.2f}"]
        rows.append([kind, *times])
    header = ["tables", *(f"ms at {videos:,}" for videos in ends), "ratio"]
    return measure.table(header, rows)


def _seconds_of_ends(
    sizes: Sizes, kind: str, ends: tuple[int, int], repeats: int
) -> tuple[float, float]:
    training = configs.TrainingConfig(batch_size=sizes.batch, table_optimizer=kind)  # type: ignore[arg-type]
    settings = config(sizes, training=training)
    functions = {str(videos): step_runner(settings, videos) for videos in ends}
    seconds = measure.interleaved(functions, repeats)
    return seconds[str(ends[0])], seconds[str(ends[1])]


def _in_own_process(function: Callable[..., Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def against_full_softmax(sizes: Sizes, repeats: int) -> str:
    """Times loss and table update alone, the user vectors given, for an example."""
    videos = sizes.corpora[-1]
    sampled = config(
        sizes, loss=configs.SampledSoftmaxConfig(num_negatives=sizes.few_negatives)
    )
    full = configs.changed(
        sampled,
        {
            "loss": configs.FullSoftmaxConfig(),
            "training.batch_size": sizes.full_batch,
        },
    )
    functions = {name: _loss_runner(s, videos) for name, s in _named(sampled, full)}
    seconds = measure.interleaved(functions, repeats)
    each = {
        name: seconds[name] / settings.training.batch_size * 1e6
        for name, settings in _named(sampled, full)
    }
    rows = [[name, f"{value:.1f}"] for name, value in each.items()]
    rows.append(["ratio", f"{each['full'] / each['sampled']:.0f}"])
    return measure.table(["loss", "µs an example"], rows)


def _named(
    sampled: configs.CandidatesConfig, full: configs.CandidatesConfig
) -> list[tuple[str, configs.CandidatesConfig]]:
    return [("sampled", sampled), ("full", full)]


def _loss_runner(
    settings: configs.CandidatesConfig, num_videos: int
) -> Callable[[], float]:
    size = settings.training.batch_size
    queries = tf.random.stateless_normal([size, settings.embedding_dim], [0, 1])
    model = given_users.GivenUsers(queries, num_videos)
    optimizer = tf.keras.optimizers.legacy.Adagrad(0.1)
    counts = label_counts(num_videos)
    loss = losses.make(settings, model, counts)  # type: ignore[arg-type]
    made = itertools.cycle(batches(settings, num_videos))
    variables = [model.videos.table, model.bias]

    @tf.function
    def step(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            total, _ = loss(batch, tf.constant([0, 1]))
        gradients = tape.gradient(total, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return total

    return lambda: float(step(next(made)))


def memory(sizes: Sizes) -> str:
    """Trains each corpus in a process of its own and tables the most memory held."""
    rows = []
    for kind, videos in itertools.product(("adagrad", "lazy_adam"), sizes.corpora):
        peak = _in_own_process(_peak_of_training, sizes, kind, videos)
        tables = 2 * videos * sizes.dim * 4 / 2**30
        rows.append([kind, f"{videos:,}", f"{tables:.2f}", f"{peak:.2f}"])
    header = ["tables", "videos", "GiB of in and out tables", "GiB at most"]
    return measure.table(header, rows)


def _peak_of_training(sizes: Sizes, kind: str, num_videos: int) -> float:
    training = configs.TrainingConfig(batch_size=sizes.batch, table_optimizer=kind)  # type: ignore[arg-type]
    run = step_runner(config(sizes, training=training), num_videos)
    for _ in range(3):
        run()
    return measure.peak_gigabytes()


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    parser.add_argument(
        "--parts", nargs="+", default=["flat", "optimizers", "full", "memory"]
    )
    options = parser.parse_args(arguments)
    sizes = TINY if options.tiny else Sizes()
    randomness.set_seed(0)
    parts: dict[str, Callable[[], str]] = {
        "flat": lambda: flat_in_the_corpus(sizes, options.repeats),
        "optimizers": lambda: optimizers(sizes, options.repeats),
        "full": lambda: against_full_softmax(sizes, options.repeats),
        "memory": lambda: memory(sizes),
    }
    print(measure.environment())
    for name in options.parts:
        print(f"\n{parts[name]()}", flush=True)


if __name__ == "__main__":
    main()
