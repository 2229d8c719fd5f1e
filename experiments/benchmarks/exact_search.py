r"""Does exact search of a bundle as it ships take no longer than its product?

Claim: `index_exact` and the index stage of `recommender_exact` answer one query within
1.2 times one `tf.matmul` of the same query and the same table.

    python -m experiments.benchmarks.exact_search [--videos=1000000] [--workdir=DIR]

The bundle is exported by the code of `ytdnn export` with the default settings, so that
its vectors are as wide as those that are served: 64 coordinates and a bias. The log is
that of million_videos.py, the weights are made up (answer.py), and there is no ranker.
Queries are vectors, 350 results each: 300 candidates and a history of 50. The plain
product, NumPy's, that of `tf.linalg.matvec` and the signatures are asked in turns; each
ratio is the median of those of the turns.

Measured 2026-11-27 on two cores of an AMD EPYC among much other work (load 13), so that
only core-milliseconds and ratios say something:

| queries | | core-ms | ratio |
|---|---|---|---|
| 1 | tf.matmul | 16.85 | 1.00 |
| 1 | NumPy | 21.32 | 1.10 |
| 1 | tf.linalg.matvec | 16.21 | 1.03 |
| 1 | index_exact | 20.03 | 1.08 |
| 1 | recommender_exact, index | 18.04 | 1.02 |
| 32 | tf.matmul | 160.3 | 1.00 |
| 32 | NumPy | 138.5 | 0.86 |
| 32 | index_exact | 189.8 | 1.23 |
| 32 | recommender_exact, index | 188.8 | 1.23 |

With the slice of whole rows, `vectors[:end]`, the product took 2.8 times as long (49 to
52 core-ms for 17 to 19), since it copied the table. Rows padded to 80 coordinates took
1.5 to 1.8 times the plain product, a query padded to 2, 4 or 8 rows 1.5, 3 and 4 times,
products of 4 to 1,024 blocks of the table 3 times; the table transposed took .9 to 1.
"""

import argparse
import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.benchmarks import answer, measure
from ytdnn.base import schema
from ytdnn.bundle import batches, bundle

_PRODUCT = "tf.matmul"
_K = 350
_WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class Timed:
    """What one way takes.

    Attributes:
      milliseconds: Median.
      core_milliseconds: Median of the processor time.
      ratio: Median of its time over that of the product in the same turn.
    """

    milliseconds: float
    core_milliseconds: float
    ratio: float


def ways(served: bundle.Bundle, batch: int) -> dict[str, Callable[[], Any]]:
    """Returns the plain products of a bundle's table, and its exact searches."""
    vectors = served.video_vectors()
    rng = np.random.default_rng(0)
    queries = vectors[rng.integers(len(vectors), size=batch)].copy()
    queries[:, served.bias_coordinates] = 1.0
    table, query = tf.Variable(vectors, trainable=False), tf.constant(queries)
    product = tf.function(lambda: tf.matmul(query, table, transpose_b=True))
    found: dict[str, Callable[[], Any]] = {
        _PRODUCT: product,
        "NumPy": lambda: queries @ vectors.T,
    }
    if batch == 1:
        found["tf.linalg.matvec"] = tf.function(
            lambda: tf.linalg.matvec(table, query[0])
        )
    index, recommender = (
        name + bundle.EXACT for name in (bundle.INDEX, bundle.RECOMMENDER)
    )
    for title, function in (
        (index, served.model(index)),
        (f"{recommender}, index", served.model(recommender, bundle.INDEX)),
    ):
        found[title] = _asked(function, served, index, query)
    return found


def _asked(
    function: Callable[..., Any], served: bundle.Bundle, model: str, query: tf.Tensor
) -> Callable[[], Any]:
    """Returns the search of a signature, nothing excluded."""
    most = int(served.manifest.facts["videos"])
    fields = served.inputs(model)
    nothing = batches.inputs([{schema.K: min(_K, most)}] * query.shape[0], fields)
    given = batches.tensors(nothing, fields) | {schema.USER_VECTOR: query}
    return lambda: function(**given)[schema.IDS].numpy()


def timed(several: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Timed]:
    """Times them in turns, each turn in another order."""
    order = np.random.default_rng(0)
    walls: dict[str, list[float]] = {name: [] for name in several}
    cores: dict[str, list[float]] = {name: [] for name in several}
    for _ in range(_WARM_UP + repeats):
        for name in order.permutation(list(several)).tolist():
            wall, core = time.perf_counter(), time.process_time()
            several[name]()
            cores[name].append(1_000.0 * (time.process_time() - core))
            walls[name].append(1_000.0 * (time.perf_counter() - wall))
    kept = {name: np.array(values[_WARM_UP:]) for name, values in walls.items()}
    return {
        name: Timed(
            float(np.median(values)),
            float(np.median(cores[name][_WARM_UP:])),
            float(np.median(values / kept[_PRODUCT])),
        )
        for name, values in kept.items()
    }


def table(served: bundle.Bundle, repeats: int) -> str:
    """Returns the table of single queries and of batches."""
    rows = []
    for batch in (1, 32):
        found = timed(ways(served, batch), repeats if batch == 1 else repeats // 4 + 1)
        rows += [
            [
                str(batch),
                name,
                f"{one.milliseconds:.2f}",
                f"{one.core_milliseconds:.2f}",
                f"{one.ratio:.2f}",
            ]
            for name, one in found.items()
        ]
    return measure.table(["queries", "", "p50 ms", "core-ms", "ratio"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    num_videos = 2_000 if options.tiny else options.videos
    with tempfile.TemporaryDirectory() as made:
        directory = options.workdir or pathlib.Path(made)
        answer.ensure(directory, num_videos, also=(), ranker=False)
        served = bundle.load(directory / bundle.KIND)
        width = served.vector_dim
        print(f"{measure.environment()}, vectors of {width} coordinates\n")
        print(table(served, options.repeats))


if __name__ == "__main__":
    main()
