"""What do more watches and more videos cost, and where does one machine end?

Claim: the cost of every step is a few products of the size of the log, of the catalogue
and of a batch with constants that one machine can measure; what they predict is what a
log of another size then takes.

    python -m experiments.scale

prints the tables of docs/scale.md: what the constants predict for sizes that were run
and for sizes that were not; and the least time of a training step on accelerators by
their roofline (Williams et al., 2009), from the figures of the vendors' data sheets. No
part of it runs the product. The constants are those of the benchmarks named beside
them, on two cores of an AMD EPYC with 24 GB.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

from experiments.benchmarks import measure

_HOUR = 3_600.0
_GIB = 2**30
_FLOAT = 4  # bytes
_SERVER = 20e9  # bytes of tables that a parameter server of 24 GB holds
_COPIES = 2  # of each weight: itself and Adagrad's accumulator
_TABLES = 2  # of the videos: in and out
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass(frozen=True)
class Constants:
    """What was measured on two cores, each with where.

    Attributes:
      log_bytes: Of a watch in Parquet (benchmarks/long_log.py).
      prepared_bytes: Of a watch in the prepared set: video, time and split.
      prepare_core_seconds: Of a watch, counted and written (long_log.py).
      shuffled_bytes: Of a watch that Spark moves: its row with user, video, time, row
        number and shard, in each of the two phases.
      window_bytes: Of a watch of a window in training.
      example_core_seconds: Of a training example, at `Shape` (likewise).
      vector_bytes: Of a video in an index of ScaNN, vectors included, per coordinate
        (benchmarks/index.py).
      id_bytes: Of a video in a loaded recommender beside its vector: its id in both
        directions, features of both networks (benchmarks/serve.py).
      built_bytes: Of a video at the peak of building the index, with 64 coordinates
        (benchmarks/ten_million.py, of five million).
      exported_bytes: Likewise of an export of the candidates.
      served_bytes: Likewise of the own memory of a process that serves them, its large
        variables mapped from files.
    """

    log_bytes: float = 6.9
    prepared_bytes: float = 13.0
    prepare_core_seconds: float = 1.9e-6
    shuffled_bytes: float = 40.0
    window_bytes: float = 25.0
    example_core_seconds: float = 1.5e-4
    vector_bytes: float = 5.6
    id_bytes: float = 1_240.0
    built_bytes: float = 1_150.0
    exported_bytes: float = 1_535.0
    served_bytes: float = 545.0


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

    @property
    def moved(self) -> float:
        """Bytes that a step reads and writes in a device's memory, at least.

        Scores of all examples with all negatives, written, read by the softmax, and
        likewise their gradients; rows of the histories and of the negatives, read, and
        with their accumulators read and written; weights of the tower likewise.
        """
        scores = 4 * self.batch * (self.batch + self.negatives)
        history = self.batch * self.history * self.dim
        rows = self.dim * (self.batch + self.negatives)
        return _FLOAT * (scores + (1 + 4) * (history + rows + self.tower_weights))

    def rows(self, videos: float) -> float:
        """Returns the distinct rows of both tables that a step reads, at most."""
        of_history = self.batch * (1 + self.history / 8)  # slices share histories
        columns = self.batch + self.negatives
        return min(of_history, videos) + min(columns, videos)


@dataclasses.dataclass(frozen=True)
class Device:
    """An accelerator, by its data sheet.

    Attributes:
      name: Name of it.
      products: Multiplications and additions a second, dense, in the arithmetic that
        TensorFlow uses for float32 by default.
      arithmetic: Name of that.
      bandwidth: Bytes a second of its memory.
      memory: Bytes of its memory.
    """

    name: str
    products: float
    arithmetic: str
    bandwidth: float
    memory: float

    def seconds(self, shape: Shape) -> tuple[float, float]:
        """Returns the least time of a step, by its products and by its bytes."""
        products = shape.products * shape.batch / self.products
        return products, shape.moved / self.bandwidth


SHAPE, MEASURED = Shape(), Constants()
DEVICES = (
    Device("NVIDIA T4", 8.1e12, "float32", 320e9, 16e9),
    Device("NVIDIA L4", 60e12, "TF32", 300e9, 24e9),
    Device("NVIDIA A100 80 GB", 156e12, "TF32", 2_039e9, 80e9),
    Device("NVIDIA H100 SXM", 494e12, "TF32", 3_350e9, 80e9),
    Device("TPU v5e, one chip", 197e12, "bfloat16", 819e9, 16e9),
)
# Watches and videos.
SIZES = (
    (1e7, 1e6),
    (1e8, 1e6),
    (1e9, 1e6),
    (1e9, 1e7),
    (1e9, 1e8),
    (1e11, 1e8),
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a log costs.

    Attributes:
      log: Bytes of Parquet.
      prepared: Bytes of the prepared set.
      prepare: Core seconds.
      shuffle: Bytes that Spark moves.
      epoch: Core seconds of training.
      products: Multiplications and additions of an epoch.
      tables: Bytes of the videos' tables with their accumulators.
      training: Bytes of memory of a process that holds whole tables.
      replicated: Bytes that each of two workers sends for a step (multi_worker).
      sharded: Bytes that a worker moves for a step (parameter_server).
      index: Bytes of the index and what a recommender holds beside it.
      built: Bytes of memory of building the index.
      exported: Likewise of an export, candidates alone.
      served: Likewise of a process that serves candidates alone, files not counted.
      servers: Machines of 24 GB, of which 20 for tables, that hold the tables.
    """

    log: float
    prepared: float
    prepare: float
    shuffle: float
    epoch: float
    products: float
    tables: float
    training: float
    replicated: float
    sharded: float
    index: float
    built: float
    exported: float
    served: float
    servers: float


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
        products=shape.products * watches,
        tables=tables,
        training=base + tables + in_memory,
        replicated=_FLOAT * shape.tower_weights + row * shape.rows(videos),
        sharded=2 * row * shape.rows(videos) + 2 * _FLOAT * shape.tower_weights,
        index=videos * (found.vector_bytes * shape.dim + found.id_bytes),
        built=base + videos * found.built_bytes,
        exported=base + videos * found.exported_bytes,
        served=0.4 * _GIB + videos * found.served_bytes,
        servers=math.ceil(tables / _SERVER),
    )


def _bytes(value: float) -> str:
    units = ("B", "KB", "MB", "GB", "TB", "PB")
    power = min(len(units) - 1, max(0, int(math.log(max(value, 1.0), 1e3))))
    return f"{value / 1e3**power:.3g} {units[power]}"


def _power(value: float) -> str:
    return "10" + str(round(math.log10(value))).translate(_RAISED)


def _hours(seconds: float) -> str:
    if seconds < 2 * _HOUR:
        return f"{seconds:,.0f} s"
    return f"{float(f'{seconds / _HOUR:.2g}'):,.0f} h"


def predictions(sizes: Sequence[tuple[float, float]]) -> str:
    """Returns the table of what logs cost that were not run."""
    head = ["watches, videos", *(f"{_power(w)}, {_power(v)}" for w, v in sizes)]
    costs = [cost(*size) for size in sizes]
    rows = [
        ["log, Parquet", *(_bytes(c.log) for c in costs)],
        ["prepared set", *(_bytes(c.prepared) for c in costs)],
        ["`prepare`, core time", *(_hours(c.prepare) for c in costs)],
        ["moved by Spark", *(_bytes(c.shuffle) for c in costs)],
        ["an epoch of training, core time", *(_hours(c.epoch) for c in costs)],
        ["products of an epoch", *(f"{c.products:.1e} FLOP" for c in costs)],
        ["tables with accumulators", *(_bytes(c.tables) for c in costs)],
        ["a process that holds them whole", *(_bytes(c.training) for c in costs)],
        ["a step sends, replicated", *(_bytes(c.replicated) for c in costs)],
        ["a step moves, sharded", *(_bytes(c.sharded) for c in costs)],
        ["recommender in memory", *(_bytes(c.index) for c in costs)],
        ["building its index", *(_bytes(c.built) for c in costs)],
        ["exporting candidates", *(_bytes(c.exported) for c in costs)],
        ["serving candidates, own memory", *(_bytes(c.served) for c in costs)],
        ["parameter servers of 24 GB", *(f"{c.servers:.0f}" for c in costs)],
    ]
    return measure.table(head, rows)


def rooflines(devices: Sequence[Device], shape: Shape = SHAPE) -> str:
    """Returns the table of least times on devices that were not run."""
    head = [
        "device",
        "products, ms",
        "bytes, ms",
        "examples/s at most",
        "times two cores",
        "videos in its memory",
    ]
    cores = 2 / MEASURED.example_core_seconds
    row = _TABLES * _COPIES * _FLOAT * shape.dim
    rows = []
    for device in devices:
        products, moved = device.seconds(shape)
        rate = shape.batch / max(products, moved)
        rows.append(
            [
                f"{device.name} ({device.arithmetic})",
                f"{1e3 * products:.2f}",
                f"{1e3 * moved:.2f}",
                f"{float(f'{rate:.2g}'):,.0f}",
                f"{float(f'{rate / cores:.2g}'):,.0f}",
                f"{0.8 * device.memory / row / 1e6:.0f} million",
            ]
        )
    return measure.table(head, rows)


def main() -> None:
    """Prints the tables."""
    print(predictions(SIZES))
    print()
    print(rooflines(DEVICES))


if __name__ == "__main__":
    main()
