"""How fast is search among a million videos, beside other libraries, at recall 0.95?

Claim: exact search takes little more than reading the vectors once; ScaNN, as built
without tuning, is no slower than the best of the peers and an order of magnitude faster
than exact search, and within 20 % of what tuning finds.

    python -m experiments.benchmarks.index [--vectors=FILE.npy --queries=FILE.npy]

A million made vectors of 65 coordinates in overlapping clusters with norms that vary,
or given ones; the 200 best of each query. Every index is built once, on all cores; of
those that can search more or less, the least effort that reaches the recall is taken.
Single queries are then asked of all in turns, first with the process bound to one core
and one thread each, then on all cores. Recall is against exact search; queries/s are
those of one batch; memory is what the process grew by, the vectors included; the ratio
is that of the medians to exact search. `read` and `matvec` are the lower bounds: all
vectors summed, and multiplied by one query; `empty call` is what a call of TensorFlow
from Python costs that does nothing. The peers are the extra `benchmarks`:
hnswlib, faiss, usearch; one that is not installed is left out, and said so.
`--workdir=DIR` takes vectors and users of the validation window of a run.

Measured 2026-11-25 on vectors of 64 coordinates, two cores of an AMD EPYC, nothing
beside it, 150 queries. One core:

| index | recall | p50 ms | p99 ms | queries/s | build s | MiB | ratio to exact |
|---|---|---|---|---|---|---|---|
| empty call | | 0.80 | 0.97 | | | | 0.058 |
| read | | 10.09 | 11.94 | | | | 0.735 |
| matvec | | 11.53 | 15.30 | | | | 0.840 |
| exact | 1.000 | 13.73 | 15.82 | 172 | 0.3 | 253 | 1.000 |
| ScaNN, default | 0.958 | 1.48 | 1.74 | 3,970 | 17.7 | 1,408 | 0.107 |
| ScaNN, least effort | 0.951 | **0.96** | 1.25 | 4,514 | 15.8 | 566 | 0.070 |
| LSH | 0.951 | 29.04 | 31.58 | 35 | 2.5 | 257 | 2.115 |
| hnswlib, M 16 | 0.951 | 1.40 | 2.33 | 1,071 | 402.7 | 1,067 | 0.102 |
| faiss flat | 1.000 | 9.93 | 11.27 | 101 | 0.2 | 245 | 0.723 |
| faiss IVF4096,SQ8 | 0.953 | 1.02 | 1.22 | 1,293 | 64.2 | 50 | 0.075 |
| faiss HNSW, M 16 | 0.795 | 7.73 | 9.28 | 147 | 112.8 | 372 | 0.563 |
| usearch, M 16 | 0.838 | 10.51 | 13.52 | 110 | 133.6 | 309 | 0.765 |

Two cores:

| index | recall | p50 ms | p99 ms | queries/s | ratio to exact |
|---|---|---|---|---|---|
| empty call | | 0.82 | 1.16 | | 0.078 |
| read | | 8.44 | 10.00 | | 0.801 |
| matvec | | 9.57 | 12.89 | | 0.909 |
| exact | 1.000 | 10.54 | 15.29 | 328 | 1.000 |
| ScaNN, default | 0.958 | 1.50 | 2.03 | 4,439 | 0.142 |
| ScaNN, least effort | 0.951 | **0.95** | 1.37 | 4,755 | 0.090 |
| LSH | 0.951 | 19.10 | 25.94 | 53 | 1.812 |
| hnswlib, M 16 | 0.951 | 1.45 | 2.53 | 1,990 | 0.138 |
| faiss flat | 1.000 | 19.02 | 26.52 | 196 | 1.805 |
| faiss IVF4096,SQ8 | 0.953 | 1.03 | 1.30 | 2,319 | 0.097 |
| faiss HNSW, M 16 | 0.795 | 7.77 | 11.09 | 254 | 0.737 |
| usearch, M 16 | 0.838 | 10.62 | 16.44 | 184 | 1.008 |

In these two tables the systems were asked in one order, and ScaNN with its default
right after exact search, which had filled the caches. Measured 2026-11-26 in an order
that changes with the query, nothing beside it, 150 queries, p50 in ms on one core and
on two, recall in brackets:

| videos | exact | ScaNN, default | ScaNN, least effort | faiss IVF,SQ8 |
|---|---|---|---|---|
| 10,000 | .76 .76 | .66 .70 (.950) | .66 .68 (.955) | .15 .17 (.979) |
| 100,000 | 2.50 2.03 | 1.10 1.09 (.975) | 1.06 1.02 (.951) | .47 .47 (.960) |
| 1,000,000 | 16.06 11.90 | 1.58 1.57 (.958) | 1.55 1.55 (.951) | 1.05 1.04 (.953) |

A call of TensorFlow that does nothing took .24 among the first, .31 and .54.

The default takes 1.00 to 1.07 times the least effort that reaches the recall, from ten
thousand to a million videos. Exact search takes 1.17 to 1.22 times the matrix-vector
product (1.10 to 1.19 in the tables above). ScaNN is 8 to 10 times as fast as exact
search among a million videos and 1.5 times as slow as IVF4096,SQ8, less what a call of
TensorFlow costs as fast; in batches it is 1.5 to 3 times as fast. LSH reaches this
recall only slower than exact search; the two HNSWs of faiss and usearch do not reach
it.

The 3,697 vectors trained on MovieLens-1M (64 dims, two epochs), one core: exact 0.69
ms, ScaNN 0.82 at recall 0.996, LSH 1.45 at 0.962, hnswlib 0.30, faiss flat 0.12,
IVF92,SQ8 0.19 at 0.988, HNSW 0.25, usearch 0.34; an empty call of TensorFlow 0.27.

The 17,050 vectors trained on the world `small`, one core: exact 1.34 ms, ScaNN 1.08 at
recall 0.959, hnswlib 0.61 at 0.994, faiss IVF426,SQ8 0.44 at 0.967, flat 0.34; at this
size the call of TensorFlow costs more than the search.

Inverted lists (`ivf`), a million vectors, k 200, 320 queries, measured 2026-11-29 in
one process in turns among much other work on one core, median core-milliseconds of two
rounds (a script of this file's vectors; no peers). `before` are blocks of 16, all of
each list read, lists and videos chosen by sorting:

| index | recall | core-ms of one | core-ms of 32 |
|---|---|---|---|
| ScaNN, 2.05 % of the leaves | .950 | .53 .45 | 5.1 4.9 |
| lists, default (1.8 %) | .956 | .65 .56 | 6.4 6.1 |
| lists before (4 %) | .953 | .92 .83 | 13.1 12.5 |

These are 65 coordinates: 1.24 times ScaNN's time for one query, 1.25 for 32; in other
runs 1.05 to 1.4 and 1.16 to 1.26. In those ScaNN's default took .46 and 5.4 ms at
recall .960, exact search 13.9 and 143. With 64 coordinates ScaNN needs 2.7 % of the
leaves (.951; .49 and 5.5 ms), lists have .951 in .64 and 6.4, 1.31 and 1.17 times as
long. Building took 34 seconds of processor time (35 before; ScaNN 24), the index 316
MiB (317 before). Of trained vectors (20,000 of 64 coordinates and a bias, users of the
validation window) the default has at k 200 recall .984 in .17 core-ms, before .902 in
.20; at k 50 .968 in .11, before .939 in .10.

Where the time of a query goes, of 155 µs: exact vectors 28, threshold of the videos 23,
the best of them sorted 16, lists 26, codes 27 (gather 12, cast 7, product 8). Tried:

- *Fewer videos scored.* Of whole lists recall .95 needs 6,000 slots; with bounds of
  blocks of 16 2,200, of 8 1,500; of 4 recall is lower at the same time. A table of how
  deep each list is read took the place of each block's bound: 6.5 to 5.6 ms. Lists by
  direction (spherical k-means) need 2,300 to 4,000 slots where these need 2,050. 8,000
  lists need a third fewer videos when read whole, as many with bounds, and take 2.7
  times as long to build. η 2 and 8, and videos put in lists by the anisotropic loss,
  change nothing. Videos in two lists (SOAR) were not tried.
- *Cheaper choice.* Thresholds from the maxima of groups instead of `tf.math.top_k`:
  11.8 to 8.5 ms. `tf.math.approx_max_k` is as slow as `top_k` on a CPU. Ties ordered
  once for the batch instead of rows sorted for each query: .3 ms less; blocks of all
  queries at once: .15 ms less.
- *Cheaper codes* (timed as operations on 24,600 × 64: int8 gather 97, cast 97, product
  80 µs). bfloat16 has no cast but twice the bytes and a product of 80 to 136; float32 a
  gather of 440; two videos of 5 bits in one float32 a gather of 226 and a product of
  40, which is the same time. `QuantizedMatMul` takes twice the cast and the product, a
  padded batch of products three times the products one by one.
- *Queries together.* 32 queries read some 110 of 4,000 lists each, so that few blocks
  are read by several of them. Counted, not tried.
"""

import argparse
import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.benchmarks import measure
from ytdnn import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import protocol
from ytdnn.log import events, prepared
from ytdnn.retrieval.index import brute_force, ivf, lsh, scann_index

Vectors = np.ndarray[Any, np.dtype[np.float32]]
_MEBIBYTE = 2**20
_CONNECTIVITY = 16  # M of every graph
_CONSTRUCTION = 100  # breadth of the search that inserts into a graph
_FRACTIONS = tuple(np.geomspace(0.002, 1.0, 32).tolist())
_BREADTHS = (200, 250, 300, 400, 500, 650, 800, 1_000, 1_300, 1_700, 2_200, 3_000)
_PROBES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512)
_REORDER = (4, 6, 10)
_REORDER_LISTS = (1, 2)
_DIM = 65  # as served by default: 64 coordinates and a bias


@dataclasses.dataclass
class System:
    """One way to search.

    Attributes:
      name: In the table.
      build: Takes the vectors; returns `search(queries, k)` → rows `[n, k]`.
      efforts: What it can be searched with, cheapest first; none: as it is.
      adjust: Sets one of them.
      threads: Sets how many it may use.
      search: What `build` returned.
      recall: Measured.
      build_seconds: Measured.
      mebibytes: What the process grew by.
    """

    name: str
    build: Callable[[Vectors], Callable[[Vectors, int], Any]]
    efforts: Sequence[Any] = ()
    adjust: Callable[[Any], None] = lambda effort: None
    threads: Callable[[int], None] = lambda number: None
    search: Callable[[Vectors, int], Any] = lambda queries, k: None
    recall: float | None = None
    build_seconds: float = 0.0
    mebibytes: float = 0.0


def clustered(num_videos: int, dim: int, num_queries: int) -> tuple[Vectors, Vectors]:
    """Makes vectors as trained ones: overlapping tastes, norms that vary, a bias.

    Returns:
      videos `[num_videos, dim]` and queries `[num_queries, dim]`, mixtures of tastes.
    """
    rng = np.random.default_rng(0)
    number = max(40, round(num_videos**0.5))
    centres = rng.standard_normal((number, dim - 1), np.float32)
    bias = rng.standard_normal((num_videos, 1), np.float32)
    videos = centres[rng.integers(number, size=num_videos)]
    videos = videos + rng.standard_normal(videos.shape, np.float32)
    videos = np.hstack([videos * np.exp(np.float32(0.3) * bias), bias])
    weights = rng.dirichlet(np.ones(3), num_queries).astype(np.float32)
    tastes = centres[rng.integers(number, size=(num_queries, 3))]
    users = np.einsum("qc,qcd->qd", weights, tastes)
    users = users + np.float32(0.2) * rng.standard_normal(users.shape, np.float32)
    ones = np.ones((num_queries, 1), np.float32)
    return np.ascontiguousarray(videos), np.hstack([users, ones])


def of_run(workdir: pathlib.Path) -> tuple[Vectors, Vectors]:
    """Returns the vectors of a run's videos and of users of its validation window."""
    data = prepared.load(workdir / "data")
    model = candidate_model.load(workdir / "candidates", data)
    cases = protocol.cases(data, events.Split.VALIDATION, configs.EvaluationConfig())
    users = model.user_vectors(data, cases.users, cases.ends, cases.times)
    return model.video_vectors(), users


def systems(num_videos: int) -> list[System]:
    """Returns ours, and the peers that are installed."""
    found = [_exact(), _scann(), _tuned_scann(), _ivf(), _tuned_ivf(), _lsh()]
    for make in (_hnswlib, _faiss, _usearch):
        try:
            found += make(num_videos)
        except ImportError as error:
            print(
                f"left out, not installed: {error.name} (pip install '.[benchmarks]')"
            )
    return found


def _ours(index: Any) -> Callable[[Vectors, int], Any]:
    """Returns the search of many queries in bounded memory, of one as it is served."""

    def search(queries: Vectors, k: int) -> Any:
        if len(queries) > 1:
            return index.search(queries, k)[0] - 1
        found = index.module.search(tf.constant(queries), tf.constant(k))
        return found[0].numpy() - 1

    return search


def _exact() -> System:
    return System(
        "ytdnn exact",
        lambda vectors: _ours(
            brute_force.BruteForce.build(vectors, configs.ExactConfig())
        ),
    )


def _scann() -> System:
    return System(
        "ytdnn ScaNN, default",
        lambda vectors: _ours(scann_index.Scann.build(vectors, configs.ScannConfig())),
    )


def _tuned_scann() -> System:
    modules: list[Any] = []

    def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
        index = scann_index.Scann.build(vectors, configs.ScannConfig())
        modules.append(index.module)
        return _ours(index)

    def adjust(effort: tuple[int, float]) -> None:
        factor, fraction = effort
        config = configs.ScannConfig(
            reorder_factor=factor, leaves_to_search_fraction=fraction
        )
        modules[-1].adjust(config)

    efforts = [(factor, part) for part in _FRACTIONS for factor in _REORDER]
    return System("ytdnn ScaNN, least effort", build, efforts, adjust)


def _ivf() -> System:
    return System(
        "ytdnn lists, default",
        lambda vectors: _ours(ivf.Ivf.build(vectors, configs.IvfConfig())),
    )


def _tuned_ivf() -> System:
    modules: list[Any] = []

    def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
        index = ivf.Ivf.build(vectors, configs.IvfConfig())
        modules.append(index.module)
        return _ours(index)

    def adjust(effort: tuple[int, float]) -> None:
        factor, fraction = effort
        config = configs.IvfConfig(
            reorder_factor=factor, lists_to_search_fraction=fraction
        )
        modules[-1].adjust(config)

    efforts = [(factor, part) for part in _FRACTIONS for factor in _REORDER_LISTS]
    return System("ytdnn lists, least effort", build, efforts, adjust)


def _lsh() -> System:
    modules: list[Any] = []

    def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
        index = lsh.Lsh.build(vectors, configs.LshConfig())
        modules.append(index.module)
        return _ours(index)

    def adjust(effort: float) -> None:
        modules[-1].adjust(configs.LshConfig(scored_fraction=effort))

    return System("ytdnn LSH", build, _FRACTIONS, adjust)


def _hnswlib(num_videos: int) -> list[System]:
    import hnswlib

    made: list[Any] = []

    def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
        index = hnswlib.Index("ip", vectors.shape[1])
        index.init_index(num_videos, _CONSTRUCTION, _CONNECTIVITY)
        index.add_items(vectors)
        made.append(index)
        return lambda queries, k: index.knn_query(queries, k)[0].astype(np.int64)

    def adjust(effort: int) -> None:
        made[-1].set_ef(effort)

    def threads(number: int) -> None:
        made[-1].set_num_threads(number)

    return [System("hnswlib, M 16", build, _BREADTHS, adjust, threads)]


def _faiss(num_videos: int) -> list[System]:
    import faiss

    lists = min(4_096, max(1, num_videos // 40))
    names = {
        "faiss flat": "Flat",
        f"faiss IVF{lists},SQ8": f"IVF{lists},SQ8",
        "faiss HNSW, M 16": f"HNSW{_CONNECTIVITY}",
    }
    efforts: dict[str, Sequence[int]] = {"IVF": _PROBES, "HNS": _BREADTHS, "Fla": ()}

    def system(name: str, factory: str) -> System:
        made: list[Any] = []

        def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
            index: Any = faiss.index_factory(
                vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT
            )
            if factory.startswith("HNSW"):
                index.hnsw.efConstruction = _CONSTRUCTION
            index.train(vectors)
            index.add(vectors)
            made.append(index)
            return lambda queries, k: index.search(queries, k)[1]

        def adjust(effort: int) -> None:
            if factory.startswith("HNSW"):
                made[-1].hnsw.efSearch = effort
            else:
                made[-1].nprobe = effort

        return System(
            name, build, efforts[factory[:3]], adjust, faiss.omp_set_num_threads
        )

    return [system(name, factory) for name, factory in names.items()]


def _usearch(num_videos: int) -> list[System]:
    from usearch import index as usearch

    made: list[Any] = []
    allowed = [0]

    def build(vectors: Vectors) -> Callable[[Vectors, int], Any]:
        index = usearch.Index(
            ndim=vectors.shape[1],
            metric="ip",
            connectivity=_CONNECTIVITY,
            expansion_add=_CONSTRUCTION,
        )
        index.add(np.arange(num_videos), vectors)
        made.append(index)

        def search(queries: Vectors, k: int) -> Any:
            keys = index.search(queries, k, threads=allowed[0]).keys
            return np.asarray(keys).astype(np.int64).reshape(len(queries), -1)

        return search

    def adjust(effort: int) -> None:
        made[-1].expansion_search = effort

    def threads(number: int) -> None:
        allowed[0] = number

    return [System("usearch, M 16", build, _BREADTHS, adjust, threads)]


def bound_to(cores: Sequence[int]) -> None:
    """Binds every thread of the process to some cores; new ones inherit that."""
    for task in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(task), cores)


def build(system: System, vectors: Vectors) -> None:
    """Builds, and notes what that took."""
    before, started = _resident(), time.perf_counter()
    system.search = system.build(vectors)
    system.build_seconds = time.perf_counter() - started
    system.mebibytes = _resident() - before
    print(f"built {system.name} in {system.build_seconds:,.1f} s", flush=True)


def _resident() -> float:
    """Returns the memory that the process holds now, MiB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEBIBYTE


def reach(system: System, queries: Vectors, wanted: Vectors, target: float) -> None:
    """Sets the least effort that reaches the recall, or the most there is."""
    for effort in system.efforts or (None,):
        if effort is not None:
            system.adjust(effort)
        found = np.asarray(system.search(queries, wanted.shape[1]))
        pairs = zip(found.tolist(), wanted.tolist(), strict=True)
        system.recall = float(
            np.mean([len(set(f) & set(w)) / len(w) for f, w in pairs])
        )
        if system.recall >= target:
            return


def bounds(vectors: Vectors, queries: Vectors) -> dict[str, Callable[[], Any]]:
    """Returns what no exact search can do without, and TensorFlow's cost of a call."""
    variable = tf.Variable(vectors)
    query = tf.constant(queries[0])
    read = tf.function(lambda: tf.reduce_sum(variable))
    product = tf.function(lambda: tf.linalg.matvec(variable, query))
    nothing = tf.function(lambda: query + 1.0)
    return {
        "empty call": lambda: nothing().numpy(),
        "read": lambda: read().numpy(),
        "matvec": lambda: product().numpy(),
    }


def timed(
    several: Sequence[System],
    floor: dict[str, Callable[[], Any]],
    queries: Vectors,
    k: int,
) -> dict[str, list[float]]:
    """Returns the milliseconds of each single query, asked of all in turns.

    The order changes from query to query: what comes after exact search finds the
    caches full of its vectors.
    """
    order = np.random.default_rng(0)
    calls = {name: lambda query, call=call: call() for name, call in floor.items()} | {
        system.name: lambda query, system=system: system.search(query, k)
        for system in several
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for row in range(len(queries)):
        for name in order.permutation(list(calls)).tolist():
            call = calls[name]
            started = time.perf_counter()
            call(queries[row : row + 1])
            if row:  # the first prepares graphs and caches
                milliseconds = 1_000.0 * (time.perf_counter() - started)
                times[name].append(milliseconds)
    return times


def rows(
    several: Sequence[System], times: dict[str, list[float]], queries: Vectors, k: int
) -> Iterator[list[str]]:
    """Yields the cells of each system; of the bounds the times alone."""
    base = float(np.median(times[several[0].name]))
    by_name = {system.name: system for system in several}
    for name, values in times.items():
        p50, p99 = np.percentile(values, [50, 99])
        cells = [f"{p50:.2f}", f"{p99:.2f}"]
        ratio = f"{p50 / base:.3f}"
        if name not in by_name:
            yield [name, "", *cells, "", "", "", ratio]
            continue
        system = by_name[name]
        started = time.perf_counter()
        system.search(queries, k)
        rate = len(queries) / (time.perf_counter() - started)
        built = [f"{system.build_seconds:,.1f}", f"{system.mebibytes:,.0f}"]
        yield [name, f"{system.recall:.3f}", *cells, f"{rate:,.0f}", *built, ratio]


def table(several: Sequence[System], queries: Vectors, k: int, floor: Any) -> str:
    """Times everything, and returns the table."""
    header = ["index", "recall", "p50 ms", "p99 ms", "queries/s"]
    header += ["build s", "MiB", "ratio to exact"]
    times = timed(several, floor, queries, k)
    return measure.table(header, list(rows(several, times, queries, k)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds all, and prints a table for one core and one for all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=200)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--asked", type=int, default=200, help="queries")
    parser.add_argument("--vectors", help="[n, dim] float32, .npy")
    parser.add_argument("--queries", help="[n, dim] float32, .npy")
    parser.add_argument("--workdir", help="of a run, whose vectors are taken")
    parser.add_argument("--only", nargs="+", help="words in the names; default: all")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    num_videos, k = (2_500, 20) if options.tiny else (options.videos, options.k)
    asked = 20 if options.tiny else options.asked
    if options.workdir:
        vectors, queries = of_run(pathlib.Path(options.workdir))
    elif options.vectors:
        vectors, queries = np.load(options.vectors), np.load(options.queries)
    else:
        vectors, queries = clustered(num_videos, _DIM, asked)
    queries = np.ascontiguousarray(queries[:: max(1, len(queries) // asked)][:asked])
    several = [
        system
        for place, system in enumerate(systems(len(vectors)))
        if not place or any(word in system.name for word in options.only or [""])
    ]
    _run(several, np.ascontiguousarray(vectors), queries, k, options.recall)


def _run(
    several: Sequence[System], vectors: Vectors, queries: Vectors, k: int, target: float
) -> None:
    """Builds the systems, the first of which is exact search, and prints tables."""
    for system in several:
        build(system, vectors)
    wanted = several[0].search(queries, k)
    for system in several:
        reach(system, queries, wanted, target)
    floor = bounds(vectors, queries)
    cores = sorted(os.sched_getaffinity(0))
    print(f"{len(vectors):,} × {vectors.shape[1]}, k {k}, {measure.environment()}")
    for number in dict.fromkeys((1, len(cores))):
        bound_to(cores[:number])
        for system in several:
            system.threads(number)
        text = table(several, queries, k, floor)
        print(f"\n{number} of {len(cores)} cores:\n\n{text}", flush=True)
    bound_to(cores)


if __name__ == "__main__":
    main()
