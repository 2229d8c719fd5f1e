"""How long does a recommender of a million videos take for an answer?

Claim: one request with a history of 50 watches passes the user tower, the index, the
default's candidates of several sources and the whole ranker, to its 20 best, in p50 ≤ 4
ms and p99 ≤ 8 ms on two cores, of it at most 1.5 ms in the index; a condition on
columns of videos at most doubles that.

    python -m experiments.benchmarks.answer [--videos=1000000] [--workdir=DIR]

The log is that of size.py. Both networks have the default sizes and fresh weights, so
nothing is trained: a product takes as long whatever its factors are. The index is built
by its defaults of vectors drawn around centres, as trained ones lie. Requests differ in
their history (50 watches, 100 impressions). Each model is asked in blocks of 20
requests; `between others` is a request after one to each other model, when the exact
searches have filled the caches. Half and a hundredth of the videos pass the conditions.
Memory is what the process grows by when a model is loaded and asked once. A workdir
given is kept, and used where it is whole.

Results: docs/results.md.
"""

import argparse
import itertools
import multiprocessing
import pathlib
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from experiments.benchmarks import measure, size
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import batches, bundle, export
from ytdnn.candidates import model as candidate_model
from ytdnn.log import prepared
from ytdnn.ranking import building
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.run.pipeline import graph, runner, steps, workdir

_WATCHES, _IMPRESSIONS, _K = 50, 100, 20
FIRST_PASS = 100  # by default only if it keeps the best, which fresh weights decide
NUM_REQUESTS = 64
_CENTRES = 2_000
_BLOCK = 20  # requests to one model before the next is asked
_SPREAD = 0.7  # of a vector around its centre
_ROWS_A_BLOCK = 1 << 18
_CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "half": [{"column": "duration_seconds", "at_most": 1_805}],
    "1 %": [{"column": "topic", "in": ["topic 1", "topic 2"]}],
}


def make(directory: pathlib.Path, num_videos: int) -> None:
    """Prepares a log, gives both stages fresh weights, builds the index, exports.

    Args:
      directory: Directory of the run.
      num_videos: Number of videos in the log.
    """
    config = configs.Config(
        data=configs.DataConfig(
            source="log", dir=str(directory / "log"), vocabulary="all"
        ),
        candidates=configs.CandidatesConfig(
            content=configs.ContentConfig(enabled=False)
        ),
        ranking=configs.RankingConfig(enabled=True),
        composition=configs.CompositionConfig(
            first_pass=FIRST_PASS, seconds_weight=0.15
        ),
    )
    size.write_log(directory / "log", num_videos, 2 * num_videos)
    runner.run([graph.DATA], config, directory, print)
    workdir.write_config(directory, config)
    make_candidates(directory, config)
    steps.build_index(config, directory)
    make_ranker(directory, config)
    export.export(directory, config)


def make_candidates(directory: pathlib.Path, config: configs.Config) -> None:
    """Publishes candidates of fresh weights, videos' vectors around centres."""
    data = prepared.load(directory / prepared.KIND)
    tf.keras.utils.set_random_seed(0)
    candidates = candidate_model.build(config.candidates, data)
    table = candidates.videos.table
    vectors = clustered(int(table.shape[0]), int(table.shape[1]))
    for start in range(0, len(vectors), _ROWS_A_BLOCK):
        block = vectors[start : start + _ROWS_A_BLOCK]
        rows = tf.range(start, start + len(block))
        table.scatter_update(tf.IndexedSlices(block, rows))
    inputs = steps.fingerprints(directory, [prepared.KIND])
    _publish(
        directory / trained_stage.KIND, config, inputs, candidates, candidate_model
    )


def make_ranker(directory: pathlib.Path, config: configs.Config) -> None:
    """Publishes a ranker of fresh weights."""
    data = prepared.load(directory / prepared.KIND)
    stage = trained_stage.load(directory / trained_stage.KIND, data, config.composition)
    second = building.build(config.ranking, data, stage)
    inputs = steps.fingerprints(directory, [prepared.KIND, trained_stage.KIND])
    _publish(directory / ranking_model.KIND, config, inputs, second, ranking_model)


def ensure(directory: pathlib.Path, num_videos: int) -> None:
    """Makes the bundle unless it is there; arguments are those of `make`.

    In a process of its own: what that frees would hide what a model takes.
    """
    if not (directory / bundle.KIND).exists():
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=make, args=(directory, num_videos))
        process.start()
        process.join()


def _publish(
    path: pathlib.Path,
    config: configs.Config,
    inputs: dict[str, str],
    model: Any,
    room: Any,
) -> None:
    values = configs.to_dict(config)
    with artifacts.publish(path, path.name, values, inputs) as partial:
        room.save(model, partial)


def clustered(num_videos: int, dim: int) -> npt.NDArray[np.float32]:
    """Returns vectors around centres, `[num_videos, dim]`, of norms that vary."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((_CENTRES, dim)).astype(np.float32)
    nearest = rng.integers(_CENTRES, size=num_videos)
    vectors = rng.standard_normal((num_videos, dim), np.float32)
    norms = rng.uniform(0.5, 1.0, (num_videos, 1)).astype(np.float32)
    for start in range(0, num_videos, _ROWS_A_BLOCK):
        rows = slice(start, start + _ROWS_A_BLOCK)
        block = centres[nearest[rows]] + _SPREAD * vectors[rows]
        vectors[rows] = block * norms[rows] / np.sqrt(np.float32(dim))
    return vectors


def some_requests(data: prepared.PreparedData, number: int) -> list[dict[str, Any]]:
    """Returns requests of made histories right behind the log."""
    rng = np.random.default_rng(1)
    ids = data.videos[schema.VIDEO_ID].to_list()
    end = int(data.windows.end_of_log)

    def drawn(size: int) -> tuple[list[Any], list[int]]:
        times = np.sort(rng.integers(end - 20 * 86_400, end, size)).tolist()
        return [ids[i] for i in rng.integers(len(ids), size=size)], times

    requests = []
    for _ in range(number):
        watched, watch_times = drawn(_WATCHES)
        shown, shown_times = drawn(_IMPRESSIONS)
        requests.append(
            {
                schema.WATCHED_VIDEO_IDS: watched,
                schema.WATCH_TIMES: watch_times,
                schema.IMPRESSION_VIDEO_IDS: shown,
                schema.IMPRESSION_TIMES: shown_times,
                schema.IMPRESSION_CLICKED: rng.integers(0, 2, _IMPRESSIONS).tolist(),
                schema.TIME: end + 1,
                schema.K: _K,
            }
        )
    return requests


def turns(
    function: Callable[..., Any], inputs: Sequence[Mapping[str, Any]]
) -> Callable[[], Any]:
    """Returns a call of a function with one of several inputs after the other."""
    cycle = itertools.cycle(inputs)
    return lambda: function(**next(cycle))


def resident() -> float:
    """Returns the MiB that this process holds now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def as_inputs(
    served: bundle.Bundle,
    requests: Sequence[dict[str, Any]],
    name: str,
    conditions: Sequence[dict[str, Any]] = (),
) -> list[dict[str, tf.Tensor]]:
    """Returns requests as the inputs of a model, each under the same conditions."""
    fields = served.inputs(name)
    known = [{k: v for k, v in r.items() if k in fields} for r in requests]
    rows = [row | {"where": list(conditions)} for row in known]
    return [batches.tensors(batches.inputs([row], fields), fields) for row in rows]


def functions(
    served: bundle.Bundle, requests: Sequence[dict[str, Any]]
) -> tuple[dict[str, Callable[[], Any]], dict[str, float]]:
    """Returns the calls to time, and the MiB that each recommender takes."""
    calls: dict[str, Callable[[], Any]] = {}
    memory = {}
    names = [n for n in served.manifest.facts["models"] if n.startswith("recommender")]
    for name in names:
        inputs = as_inputs(served, requests, name)
        before = resident()
        whole = served.model(name)
        whole(**inputs[0])
        memory[name] = resident() - before
        calls[f"{name} | whole"] = turns(whole, inputs)
        calls |= _stages(served, name, inputs)
        for share, conditions in _CONDITIONS.items():
            under = as_inputs(served, requests, name, conditions)
            calls[f"{name} | whole, {share} allowed"] = turns(whole, under)
    return calls, memory


def _stages(
    served: bundle.Bundle, name: str, raw: list[dict[str, tf.Tensor]]
) -> dict[str, Callable[[], Any]]:
    """Returns the stages of a recommender, each asked alone."""
    number = int(served.manifest.facts["num_candidates"])
    towers = served.model(name, bundle.USER_TOWER)
    of_tower = set(served.inputs(bundle.USER_TOWER))
    users = [{k: v for k, v in one.items() if k in of_tower} for one in raw]
    index = served.model(name, bundle.INDEX)
    suffix = name.removeprefix(bundle.RECOMMENDER)
    none = {
        key: one[key]
        for one in raw[:1]
        for key in served.inputs(bundle.INDEX + suffix)
        if key in one
    }
    wanted = tf.constant([number + _WATCHES])
    vectors = [none | dict(towers(**one)) | {schema.K: wanted} for one in users]
    calls: dict[str, Callable[[], Any]] = {
        f"{name} | user tower": turns(towers, users),
        f"{name} | index": turns(index, vectors),
    }
    if served.has_ranker:
        ranker = served.model(name, bundle.RANKER)
        of_ranker = set(served.inputs(bundle.RANKER))
        pages = [
            {k: v for k, v in one.items() if k in of_ranker}
            | {schema.VIDEO_IDS: index(**vector)[schema.IDS][:, :number]}
            for one, vector in zip(raw, vectors, strict=True)
        ]
        calls[f"{name} | ranker"] = turns(ranker, pages)
    return calls


def tables(directory: pathlib.Path, repeats: int) -> str:
    """Returns the times of the answers and their stages, and the memory."""
    data = prepared.load(directory / prepared.KIND)
    served = bundle.load(directory / bundle.KIND)
    calls, memory = functions(served, some_requests(data, NUM_REQUESTS))
    alone = measure.interleaved(calls, repeats, block=_BLOCK)
    between = measure.interleaved(calls, repeats)
    rows = [
        [
            *name.split(" | "),
            *(f"{value:.2f}" for value in (one.median, one.p99, one.core)),
            f"{between[name].median:.2f}",
        ]
        for name, one in alone.items()
    ]
    headings = ["model", "part", "p50 ms", "p99 ms", "core-ms", "p50 between others"]
    times = measure.table(headings, rows)
    files = [f for f in (directory / bundle.KIND).rglob("*") if f.is_file()]
    sizes = {f.stat().st_ino: f.stat().st_size for f in files}  # a linked file once
    memory["bundle on disk"] = sum(sizes.values()) / 2**20
    held = [[name, f"{value:,.0f}"] for name, value in memory.items()]
    return times + "\n\n" + measure.table(["", "MiB"], held)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        directory = options.workdir or pathlib.Path(made)
        ensure(directory, options.videos)
        print(f"{measure.environment()}\n\n{tables(directory, options.repeats)}")


if __name__ == "__main__":
    main()
