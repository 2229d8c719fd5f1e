"""What do more watches and more videos cost, and where does one machine end?

Claim: the cost of every step is a few products of the size of the log, of the catalogue
and of a batch with constants that one machine can measure; what they predict is what a
log of another size then takes.

    python -m experiments.scale

prints the tables of docs/scale.md: the constants, what they predict for the sizes that
were run beside what was measured, and what they predict for those that were not. No
part of it runs the product; the constants are of the benchmarks named beside them.

The machine is two cores of an AMD EPYC with 24 GB. "Core" is one of these; a GPU makes
the products a hundred times as fast, and then the rows of the tables are the cost.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

from experiments.benchmarks import measure

_HOUR = 3_600.0
_GIB = 2**30
_FLOAT = 4  # bytes
_COPIES = 2  # of each weight: itself and Adagrad's accumulator
_TABLES = 2  # of the videos: in and out


@dataclasses.dataclass(frozen=True)
class Constants:
    """What was measured on two cores, each with where.

    Attributes:
      log_bytes: Of a watch in Parquet (benchmarks/long_log.py).
      prepared_bytes: Of a watch in the prepared set (likewise).
      prepare_core_seconds: Of a watch, two passes (likewise).
      shuffled_bytes: Of a watch that Spark moves: its row with user, video, time, row
        number and shard, in each of the two phases.
      window_bytes: Of a watch of a window in training, two windows at once.
      example_core_seconds: Of a training example, at `Shape` (likewise).
      vector_bytes: Of a video in an index of ScaNN, vectors included, per coordinate
        (benchmarks/index.py).
      id_bytes: Of a video in a loaded recommender beside its vector
        (benchmarks/answer.py).
      answer_core_seconds: Of an answer with 300 ranked candidates (likewise).
    """

    log_bytes: float = 6.9
    prepared_bytes: float = 13.2
    prepare_core_seconds: float = 3.0e-6
    shuffled_bytes: float = 40.0
    window_bytes: float = 25.0
    example_core_seconds: float = 1.5e-4
    vector_bytes: float = 5.6
    id_bytes: float = 600.0
    answer_core_seconds: float = 0.0097


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is trained.

    Attributes:
      dim: Coordinates of a vector.
      tower: Widths of the layers.
      inputs: Width of what the tower reads: bags of the history.
      history: Watches of an example.
      batch: Examples of a step.
      negatives: Sampled, beside the in-batch ones.
      window: Watches in memory.
    """

    dim: int = 64
    tower: tuple[int, ...] = (256, 128)
    inputs: int = 256
    history: int = 50
    batch: int = 4_096
    negatives: int = 4_096
    window: int = 16_777_216

    @property
    def tower_weights(self) -> int:
        """Weights of the tower, the linear user vector included."""
        widths = (self.inputs, *self.tower, self.dim)
        return sum(a * b for a, b in itertools.pairwise(widths))

    @property
    def products(self) -> float:
        """Multiplications and additions of an example, forward and backward."""
        scores = self.dim * (self.batch + self.negatives)
        return 3 * 2 * (self.tower_weights + scores)

    def rows(self, videos: float) -> float:
        """Returns the distinct rows of both tables that a step reads, at most."""
        of_history = self.batch * (1 + self.history / 8)  # slices share histories
        columns = self.batch + self.negatives
        return min(of_history, videos) + min(columns, videos)


SHAPE, MEASURED = Shape(), Constants()


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a log costs.

    Attributes:
      log: Bytes of Parquet.
      prepared: Bytes of the prepared set.
      prepare: Core seconds.
      shuffle: Bytes that Spark moves.
      epoch: Core seconds of training.
      tables: Bytes of the videos' tables with their accumulators.
      training: Bytes of memory of a process that holds whole tables.
      replicated: Bytes that each of two workers sends for a step (multi_worker).
      sharded: Bytes that a worker moves for a step (parameter_server).
      index: Bytes of the index and what a recommender holds beside it.
    """

    log: float
    prepared: float
    prepare: float
    shuffle: float
    epoch: float
    tables: float
    training: float
    replicated: float
    sharded: float
    index: float


def cost(
    watches: float, videos: float, shape: Shape = SHAPE, found: Constants = MEASURED
) -> Cost:
    """Returns what a log of some size costs."""
    row = _FLOAT * (shape.dim + 2)  # its number, and a bias
    tables = _TABLES * _COPIES * _FLOAT * shape.dim * videos
    base = 0.9 * _GIB  # Python, TensorFlow, the code
    in_memory = found.window_bytes * min(watches, 2 * shape.window)
    return Cost(
        log=found.log_bytes * watches,
        prepared=found.prepared_bytes * watches,
        prepare=found.prepare_core_seconds * watches,
        shuffle=2 * found.shuffled_bytes * watches,
        epoch=found.example_core_seconds * watches,
        tables=tables,
        training=base + tables + in_memory,
        replicated=_FLOAT * shape.tower_weights + row * shape.rows(videos),
        sharded=2 * row * shape.rows(videos) + 2 * _FLOAT * shape.tower_weights,
        index=videos * (found.vector_bytes * shape.dim + found.id_bytes),
    )


def merged_bytes(parts: int, k: int = 300) -> int:
    """Returns what the lists of the parts of a sharded index weigh, for one request."""
    return parts * k * (8 + _FLOAT)


# --- Tables -----------------------------------------------------------------------


def _bytes(value: float) -> str:
    units = ("B", "KB", "MB", "GB", "TB", "PB")
    power = min(len(units) - 1, max(0, int(math.log(max(value, 1.0), 1e3))))
    return f"{value / 1e3**power:.3g} {units[power]}"


def _hours(seconds: float) -> str:
    if seconds < 2 * _HOUR:
        return f"{seconds:,.0f} s"
    return f"{float(f'{seconds / _HOUR:.2g}'):,.0f} h"


def predictions(sizes: Sequence[tuple[float, float]]) -> str:
    """Returns the table of what logs cost that were not run."""
    head = ["", *(f"{w:.0e} watches, {v:.0e} videos" for w, v in sizes)]
    costs = [cost(*size) for size in sizes]
    rows = [
        ["log, Parquet", *(_bytes(c.log) for c in costs)],
        ["prepared set", *(_bytes(c.prepared) for c in costs)],
        ["`prepare`, core time", *(_hours(c.prepare) for c in costs)],
        ["moved by Spark", *(_bytes(c.shuffle) for c in costs)],
        ["an epoch, core time", *(_hours(c.epoch) for c in costs)],
        ["tables with accumulators", *(_bytes(c.tables) for c in costs)],
        ["a process that holds them whole", *(_bytes(c.training) for c in costs)],
        ["a step sends, replicated", *(_bytes(c.replicated) for c in costs)],
        ["a step moves, sharded", *(_bytes(c.sharded) for c in costs)],
        ["recommender in memory", *(_bytes(c.index) for c in costs)],
    ]
    return measure.table(head, rows)


def main() -> None:
    """Prints the tables."""
    sizes = [(1e8, 1e6), (1e9, 1e6), (1e9, 1e8), (1e11, 1e8)]
    print(predictions(sizes))
    print(f"\nproducts of an example: {SHAPE.products / 1e6:.1f} MFLOP")


if __name__ == "__main__":
    main()
