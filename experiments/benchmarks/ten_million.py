"""How much memory does a catalogue of ten million videos take, and how long an answer?

Claim: candidates of ten million videos of 64 coordinates are indexed, exported and
served on one machine of 24 GB (PAPER §3.1, the nearest neighbours of a user).

    python -m experiments.benchmarks.ten_million [--videos=10000000] [--workdir=DIR]

The run is that of answer.py, each step in a process of its own: log, prepared set,
candidates of fresh weights, exact and ScaNN's index, bundle; without a second stage,
unless `--ranker` is given. Then a process loads the recommender as `ytdnn serve` does,
its large variables mapped from their files, and answers requests of 50 watches; *own*
is the memory that is not a page of a file. Recall is that of the index's 200 best
against exact search, of 100 queries of the law of the vectors. A workdir given is kept,
and its finished steps are not made again.

Measured 2026-11-29 on two cores of an AMD EPYC beside two or three other jobs, ten
million videos; beside them the peaks of five million, a day before:

| step | peak MiB | core-seconds | MiB on disk | five million, peak MiB |
|---|---|---|---|---|
| prepare | 4,801 | 86 | 1,163 | 2,788 |
| candidates | 9,687 | 54 | 4,921 | 7,653 |
| index | 13,439 | 354 | 5,319 | 6,392 |
| bundle | 12,779 | 147 | 6,762 | 8,243 |

An answer of ten million: p50 1.81 and p99 2.64 ms, 2.34 core-ms; the process has 5,406
MiB of its own and 5,369 MiB of files' pages. Recall at 200 is 0.9996. The export of
five million was measured before it freed the candidates' table of videos. So the claim
holds of the candidates; the second stage was not measured at this size.
"""

import argparse
import dataclasses
import json
import multiprocessing
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np

from experiments.benchmarks import answer, measure
from ytdnn.base import environment
from ytdnn.bundle import bundle, export, sessions
from ytdnn.candidates import model as candidate_model
from ytdnn.log import prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval.index import artifact as index_artifact
from ytdnn.retrieval.index import brute_force, interface, scann_index
from ytdnn.run.pipeline import steps, workdir

_QUERIES, _K = 100, 200
_RESULTS = "ten_million.json"


def _memory(name: str) -> float:
    """Returns a number of /proc/self/status in MiB, such as VmHWM."""
    text = pathlib.Path("/proc/self/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name}:"))
    return float(line.split()[1]) / 1024.0


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is made.

    Attributes:
      videos: In the log.
      ranker: Whether there is a second stage.
      repeats: Answers that are timed.
    """

    videos: int
    ranker: bool
    repeats: int


def _prepare(home: pathlib.Path, sizes: Sizes) -> None:
    answer.prepare(home, sizes.videos, (), sizes.ranker)


def _candidates(home: pathlib.Path, sizes: Sizes) -> None:
    del sizes
    answer.make_candidates(home, workdir.require_config(home))


def _index(home: pathlib.Path, sizes: Sizes) -> None:
    del sizes
    steps.build_index(workdir.require_config(home), home)


def _ranker(home: pathlib.Path, sizes: Sizes) -> None:
    if sizes.ranker:
        answer.make_ranker(home, workdir.require_config(home))


def _export(home: pathlib.Path, sizes: Sizes) -> None:
    del sizes
    export.export(home, workdir.require_config(home))


def _answer(home: pathlib.Path, sizes: Sizes) -> dict[str, float]:
    """Returns the times of answers, and the memory of the process that gives them."""
    served = bundle.load(home / bundle.KIND)
    data = prepared.load(home / prepared.KIND)
    asked = answer.some_requests(data, answer.NUM_REQUESTS)
    del data
    fields = served.inputs(bundle.RECOMMENDER)
    requests = [
        {name: tensor.numpy() for name, tensor in one.items()}
        for one in answer.as_inputs(served, asked)
    ]
    needs = served.manifest.facts["models"][bundle.RECOMMENDER]["needs"]
    session = sessions.Session(served.path(bundle.RECOMMENDER), needs)
    run = session.signature("serving_default")
    for one in requests:
        run({name: one[name] for name in fields})
    times, begin = [], resource.getrusage(resource.RUSAGE_SELF)
    for place in range(sizes.repeats):
        started = time.perf_counter()
        run(requests[place % len(requests)])
        times.append(1e3 * (time.perf_counter() - started))
    end = resource.getrusage(resource.RUSAGE_SELF)
    seconds = end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime
    return {
        "p50 ms": float(np.median(times)),
        "p99 ms": float(np.percentile(times, 99)),
        "core-ms": 1e3 * seconds / sizes.repeats,
        "own MiB": _memory("RssAnon"),
        "files MiB": _memory("RssFile"),
    }


def _recall(home: pathlib.Path, sizes: Sizes) -> dict[str, float]:
    """Returns the recall of ScaNN's index against exact search."""
    del sizes
    dim = workdir.require_config(home).candidates.embedding_dim
    queries = answer.queries(_QUERIES, dim)
    directory = home / index_artifact.KIND
    wanted = brute_force.BruteForce.load(directory / index_artifact.EXACT)
    exact, _ = wanted.search(queries, _K)
    del wanted
    found, _ = scann_index.Scann.load(directory / index_artifact.SCANN).search(
        queries, _K
    )
    return {f"recall@{_K}": interface.recall(found, exact)}


Step = Callable[[pathlib.Path, Sizes], dict[str, float] | None]
STEPS: dict[str, Step] = {
    "prepare": _prepare,
    "candidates": _candidates,
    "index": _index,
    "ranking": _ranker,
    "bundle": _export,
    "answer": _answer,
    "recall": _recall,
}


def _run(name: str, home: pathlib.Path, sizes: Sizes) -> None:
    """Runs a step in this process, and adds what it took to the results."""
    started = time.perf_counter()
    found = STEPS[name](home, sizes) or {}
    found |= {
        "seconds": time.perf_counter() - started,
        "core-seconds": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
        "peak MiB": _memory("VmHWM"),
    }
    results = _read(home) | {name: found}
    (home / _RESULTS).write_text(json.dumps(results, indent=2))


def _read(home: pathlib.Path) -> dict[str, dict[str, float]]:
    path = home / _RESULTS
    found: dict[str, dict[str, float]] = {}
    return json.loads(path.read_text()) if path.exists() else found


def measured(home: pathlib.Path, sizes: Sizes) -> dict[str, dict[str, float]]:
    """Makes what is not there, and returns what each step took."""
    context = multiprocessing.get_context("spawn")
    environment.give_memory_back()  # in the processes of the steps
    home.mkdir(parents=True, exist_ok=True)
    for name in STEPS:
        if name in _read(home):
            continue
        process = context.Process(target=_run, args=(name, home, sizes))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"expected {name} to end, found {process.exitcode}")
        print(name, _read(home)[name], flush=True)
    return _read(home)


def tables(home: pathlib.Path, sizes: Sizes) -> str:
    """Returns each step's peak and size on disk, and the numbers of the answer."""
    found = measured(home, sizes)
    rows = [
        [
            name,
            f"{one['peak MiB']:,.0f}",
            f"{one['seconds']:,.0f}",
            f"{one['core-seconds']:,.0f}",
            f"{answer.megabytes(home / place):,.0f}",
        ]
        for name, one in found.items()
        if name in _PLACES and (place := _PLACES[name]) and (home / place).exists()
    ]
    head = ["step", "peak MiB", "seconds", "core-seconds", "MiB on disk"]
    last = found["recall"] | found["answer"]
    shown = [[n, f"{v:,.3f}"] for n, v in last.items() if "seconds" not in n]
    return f"{measure.table(head, rows)}\n\n{measure.table(['answer', ''], shown)}"


_PLACES = {
    "prepare": prepared.KIND,
    "candidates": candidate_model.KIND,
    "index": index_artifact.KIND,
    "ranking": ranking_model.KIND,
    "bundle": bundle.KIND,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=10_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--ranker", action="store_true", help="a second stage, too")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    sizes = Sizes(
        2_000 if options.tiny else options.videos, options.ranker, options.repeats
    )
    with tempfile.TemporaryDirectory() as made:
        home = options.workdir or pathlib.Path(made)
        print(f"{measure.environment()}\n\n{tables(home, sizes)}")


if __name__ == "__main__":
    main()
