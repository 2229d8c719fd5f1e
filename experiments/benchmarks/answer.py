"""How long does a recommender of a million videos take for an answer?

Claim: one request with a history of 50 watches passes the user tower, the index, the
shipped default's candidates of several sources and the whole ranker, to its 20 best, in
p50 ≤ 4 ms and p99 ≤ 8 ms on two cores, of it at most 1.5 ms in the index, and for 4
milliseconds of one; and a bundle holds the vectors of a million videos once for each
kind of index.

    python -m experiments.benchmarks.answer [--videos=1000000] [--workdir=DIR]

The log is that of million_videos.py, with every feature its columns allow. Both
networks have the default sizes and fresh weights, so nothing is trained: a product
takes as long whatever its factors are. The index is built by its defaults for that many
vectors, drawn around centres as trained ones lie. Requests differ in their history (50
watches, 100 impressions); those of the recommenders and of their stages, which are
signatures of the same SavedModel, are asked in turns. Memory is what the process grows
by when a model is loaded and asked once. A workdir given is kept, and used where it is
whole.

Each model is asked in blocks of 20 requests, as by a server that answers with one
model; `between others` is a request after one to each other model, whose exact searches
have filled the caches. The sessions are those of `ytdnn serve`: alone, and with one
thread, as each of several processes has.

Measured 2026-11-29 on two cores of an AMD EPYC, nothing beside it, `--repeats=400`; the
claim holds:

| model | part | p50 ms | p99 ms | core-ms | p50 between others |
|---|---|---|---|---|---|
| recommender (ScaNN) | whole | 3.4 | 7.1 | 4.6 | 4.1 |
| | user tower | .3 | .7 | .3 | .7 |
| | index | .8 | 1.3 | .9 | 1.3 |
| | ranker, asked for 300 | 2.9 | 4.7 | 4.6 | 3.1 |
| | in a session | 3.7 | 5.8 | 4.5 | 4.8 |
| | in a session of one thread | 3.5 | 5.3 | 3.7 | 4.3 |
| | whole, all 300 scored | 5.4 | 7.9 | 6.7 | 5.2 |
| recommender_exact | whole | 15.1 | 19.5 | 21.4 | 15.1 |
| | index | 12.3 | 14.6 | 17.4 | 12.2 |
| recommender_lsh | whole | 10.9 | 15.7 | 16.5 | 10.5 |
| | index | 8.1 | 12.2 | 12.3 | 7.7 |

The machine's pace changes by a third from hour to hour, by the exact search (11.3 to
15.8 ms that day). In turns in one process with the bundle of the morning's code an
answer takes .85 of the time bound to one core (3.1 ms of 3.7), .93 on two.

The recommenders' first pass leaves the ranker 100 candidates, as asked for here; a
bundle exported without it has all 300 scored.

Where the processor time goes, by `perf record` on one thread, a bundle of quickstart
with all 300 scored (2026-11-28): TensorFlow's executor 41 %, its kernels 20 %, malloc
and copies 15 %, the call from Python 12 %, matrix products 8 %, ScaNN 2 %. So it is the
number of operations, some 1,600 a request, that counts. Measured with little gain or
none: a graph for requests of one row, all batch dimensions static (3 to 6 % less); XLA
for the tower (.58 to .86 ms for 100 rows); oneDNN's reduced precision by environment
(no effect); one thread's executor (5 % less). Features pruned by what they are worth,
on quickstart (2026-11-29, in turns beside other work, core-milliseconds of an answer):
without the eight numbers of the user's past day and 3, 7 and 21 days 7.57 to 6.92, page
2,388 for 2,376 true seconds, AUC .7373 for .7366; without all of the topic too 6.57,
2,368, .7314 (per-user loss .171 for .165). So an eighth at most is free. XLA wherever
TensorFlow would choose it (`--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit`): 9.1 to 9.5
ms for 7.3. Fewer operations (2,634 executed to 2,319: the user's events summed at
once), the same answers: 3 to 5 % less of one core, kept; embeddings looked up together:
trainings then round otherwise, so left out. Conditionals that call one branch, where
both had been in the graph: 11 % less; rows sorted and bisected by one operation, one
sort for a source's videos, products of two axes: 1,573 operations, another 5 to 9 %.
TensorFlow's executor of one thread then takes 1.13 times as long, and waits for itself
where one core is all there is; the caller's thread instead of a pool: 3 % less. Not
tried, since matrix products are 8 %: the first layer's part of each video kept beside
its vector, 1 GB at a million videos.

With the vectors read sparsely anywhere in the graph, as `tf.gather` of a variable does,
the first took 28.6 and the second 37.0 ms: TensorFlow then copies them at each whole
read. The bundle takes 1.1 GB on disk, a loaded recommender 1.2 to 1.5 GB, of which the
vectors are a quarter and the user tower's own table another.
"""

import argparse
import dataclasses
import multiprocessing
import pathlib
import resource
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from experiments.benchmarks import measure, million_videos, ranking
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import batches, bundle, export, saved_models, sessions
from ytdnn.candidates import model as candidate_model
from ytdnn.log import prepared
from ytdnn.ranking import building
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as stage_room
from ytdnn.retrieval.index import artifact as index_artifact
from ytdnn.run.pipeline import graph, runner, steps, workdir

_WATCHES, _IMPRESSIONS, _K = 50, 100, 20
FIRST_PASS = 100  # by default only if it keeps the best, which fresh weights decide
NUM_REQUESTS = 64
_CENTRES = 2_000
_BLOCK = 20  # requests to one model before the next is asked
_SPREAD = 0.7  # of a vector around its centre
_ROWS_A_BLOCK = 1 << 18


def make(
    directory: pathlib.Path,
    num_videos: int,
    also: tuple[configs.IndexKind, ...] = ("lsh",),
    ranker: bool = True,
) -> None:
    """Prepares the log, gives both stages fresh weights, builds the index, exports.

    Args:
      directory: Of the run.
      num_videos: In the log.
      also: Kinds of index beside exact search and the default.
      ranker: Whether there is a second stage.
    """
    prepare(directory, num_videos, also, ranker)
    config = workdir.require_config(directory)
    make_candidates(directory, config)
    steps.build_index(config, directory)
    if ranker:
        make_ranker(directory, config)
    export.export(directory, config)


def prepare(
    directory: pathlib.Path,
    num_videos: int,
    also: tuple[configs.IndexKind, ...],
    ranker: bool,
) -> None:
    """Writes the log and prepares it; arguments are those of `make`."""
    config = configs.Config(
        data=configs.DataConfig(
            source="log", dir=str(directory / "log"), vocabulary="all"
        ),
        candidates=configs.CandidatesConfig(
            content=configs.ContentConfig(enabled=False)
        ),
        ranking=configs.RankingConfig(enabled=ranker),
        index=configs.IndexConfig(also=also),
        composition=configs.CompositionConfig(first_pass=FIRST_PASS),
    )
    (directory / "log").mkdir(parents=True, exist_ok=True)
    million_videos.write_log(directory / "log", num_videos)
    runner.run([graph.DATA], config, directory, print)
    workdir.write_config(directory, config)


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
    _publish(directory / stage_room.KIND, config, inputs, candidates, candidate_model)


def make_ranker(directory: pathlib.Path, config: configs.Config) -> None:
    """Publishes a ranker of fresh weights."""
    data = prepared.load(directory / prepared.KIND)
    stage = stage_room.load(directory / stage_room.KIND, data, config.composition)
    second = building.build(config.ranking, data, stage)
    inputs = steps.fingerprints(directory, [prepared.KIND, stage_room.KIND])
    _publish(directory / ranking_model.KIND, config, inputs, second, ranking_model)


def ensure(directory: pathlib.Path, num_videos: int, **options: Any) -> None:
    """Makes the bundle unless it is there; options are those of `make`.

    In a process of its own: what that frees would hide what a model takes.
    """
    if not (directory / bundle.KIND).exists():
        context = multiprocessing.get_context("spawn")
        made_by = context.Process(
            target=make, args=(directory, num_videos), kwargs=options
        )
        made_by.start()
        made_by.join()


def ensure_all_scored(directory: pathlib.Path) -> pathlib.Path:
    """Makes a bundle of the same models whose ranker scores all candidates.

    Args:
      directory: Of the run, made by `make`.

    Returns:
      Directory with that bundle.
    """
    home = directory / "all_scored"
    if not (home / bundle.KIND).exists():
        context = multiprocessing.get_context("spawn")
        made_by = context.Process(target=_export_all_scored, args=(directory, home))
        made_by.start()
        made_by.join()
    return home


def _export_all_scored(directory: pathlib.Path, home: pathlib.Path) -> None:
    home.mkdir(exist_ok=True)
    kinds = (prepared, stage_room, index_artifact, ranking_model)
    for name in (room.KIND for room in kinds):
        if not (home / name).exists():
            (home / name).symlink_to((directory / name).absolute())
    config = workdir.require_config(directory)
    export.export(home, configs.changed(config, {"composition.first_pass": 0}))


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
    rng, centres = _centres(dim)
    nearest = rng.integers(_CENTRES, size=num_videos)
    vectors = rng.standard_normal((num_videos, dim), np.float32)
    norms = rng.uniform(0.5, 1.0, (num_videos, 1)).astype(np.float32)
    for start in range(0, num_videos, _ROWS_A_BLOCK):
        rows = slice(start, start + _ROWS_A_BLOCK)
        block = centres[nearest[rows]] + _SPREAD * vectors[rows]
        vectors[rows] = block * norms[rows] / np.sqrt(np.float32(dim))
    return vectors


def queries(number: int, dim: int) -> npt.NDArray[np.float32]:
    """Returns users' vectors around the centres of `clustered`, bias coordinate last.

    Returns:
      `[number, dim + 1]`.
    """
    _, centres = _centres(dim)
    rng = np.random.default_rng(1)
    drawn = centres[rng.integers(_CENTRES, size=number)]
    drawn += _SPREAD * rng.standard_normal((number, dim), np.float32)
    return np.append(drawn, np.ones((number, 1), np.float32), axis=1)


def _centres(dim: int) -> tuple[np.random.Generator, npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return rng, rng.standard_normal((_CENTRES, dim)).astype(np.float32)


def some_requests(data: prepared.PreparedData, number: int) -> list[dict[str, Any]]:
    """Returns requests of made histories right behind the log."""
    rng = np.random.default_rng(1)
    ids = data.videos[schema.VIDEO_ID].to_list()
    end = int(data.windows.end_of_log)

    def drawn(size: int) -> tuple[list[Any], list[int]]:
        times = np.sort(rng.integers(end - 20 * 86_400, end, size)).tolist()
        return [ids[i] for i in rng.integers(len(ids), size=size)], times

    found = []
    for _ in range(number):
        watched, watch_times = drawn(_WATCHES)
        shown, shown_times = drawn(_IMPRESSIONS)
        found.append(
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
    return found


@dataclasses.dataclass
class Turns:
    """Calls a function with one of several inputs after the other."""

    function: Callable[..., Any]
    inputs: Sequence[dict[str, Any]]
    place: int = 0
    by_name: bool = True

    def __call__(self) -> Any:
        """Calls it with the next input."""
        self.place = (self.place + 1) % len(self.inputs)
        given = self.inputs[self.place]
        return self.function(**given) if self.by_name else self.function(given)


def resident() -> float:
    """Returns the MiB that this process holds now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def as_inputs(
    served: bundle.Bundle, asked: Sequence[dict[str, Any]], name: str = "recommender"
) -> list[dict[str, tf.Tensor]]:
    """Returns requests as the inputs of a model."""
    fields = served.inputs(name)
    known = [{k: v for k, v in r.items() if k in fields} for r in asked]
    return [batches.tensors(batches.inputs([r], fields), fields) for r in known]


def functions(
    served: bundle.Bundle, asked: Sequence[dict[str, Any]]
) -> tuple[dict[str, Callable[[], Any]], dict[str, float]]:
    """Returns what to time, and the MiB that each recommender takes."""
    found: dict[str, Callable[[], Any]] = {}
    memory = {}
    names = [n for n in served.manifest.facts["models"] if n.startswith("recommender")]
    for name in names:
        raw = as_inputs(served, asked, name)
        before = resident()
        whole = served.model(name)
        whole(**raw[0])
        memory[name] = resident() - before
        found[f"{name} | whole"] = Turns(whole, raw)
        found |= _stages(served, name, raw)
    return found, memory


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
    found: dict[str, Callable[[], Any]] = {
        f"{name} | user tower": Turns(towers, users),
        f"{name} | index": Turns(index, vectors),
    }
    if served.has_ranker:
        ranker = served.model(name, bundle.RANKER)
        of_ranker = set(served.inputs(bundle.RANKER))
        pages = [
            {k: v for k, v in one.items() if k in of_ranker}
            | {schema.VIDEO_IDS: index(**vector)[schema.IDS][:, :number]}
            for one, vector in zip(raw, vectors, strict=True)
        ]
        found[f"{name} | ranker"] = Turns(ranker, pages)
    return found


def _sessions(
    served: bundle.Bundle, asked: Sequence[dict[str, Any]]
) -> dict[str, Callable[[], Any]]:
    """Returns the default recommender as `ytdnn serve` runs it, alone and of several.

    Each of as many processes as cores has one thread.
    """
    name = bundle.RECOMMENDER
    needs = served.manifest.facts["models"][name]["needs"]
    values = [
        {key: tensor.numpy() for key, tensor in one.items()}
        for one in as_inputs(served, asked, name)
    ]
    found: dict[str, Callable[[], Any]] = {}
    for number, words in ((None, "in a session"), (1, "in a session of one thread")):
        session = sessions.Session(served.path(name), needs, number)
        run = session.signature(saved_models.SIGNATURE)
        found[f"{name} | {words}"] = Turns(run, values, by_name=False)
    return found


def tables(directory: pathlib.Path, repeats: int) -> str:
    """Returns the times of the answers and their stages, and the memory."""
    data = prepared.load(directory / prepared.KIND)
    served = bundle.load(directory / bundle.KIND)
    requests = some_requests(data, NUM_REQUESTS)
    made, memory = functions(served, requests)
    made |= _sessions(served, requests)
    every = bundle.load(ensure_all_scored(directory) / bundle.KIND)
    made |= {
        f"{bundle.RECOMMENDER} | all {every.manifest.facts['num_candidates']} scored": (
            Turns(every.model(bundle.RECOMMENDER), as_inputs(every, requests))
        )
    }
    alone = ranking.timed(made, repeats, block=_BLOCK)
    between = ranking.timed(made, repeats)
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
    held = [[name, f"{value:,.0f}"] for name, value in memory.items()]
    on_disk = megabytes(directory / bundle.KIND)
    held.append(["bundle on disk", f"{on_disk:,.0f}"])
    return times + "\n\n" + measure.table(["", "MiB"], held)


def megabytes(path: pathlib.Path) -> float:
    """Returns the MiB of a directory, files that are linked counted once."""
    sizes = {f.stat().st_ino: f.stat().st_size for f in path.rglob("*") if f.is_file()}
    return sum(sizes.values()) / 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    num_videos = 2_000 if options.tiny else options.videos
    with tempfile.TemporaryDirectory() as made:
        directory = options.workdir or pathlib.Path(made)
        ensure(directory, num_videos)
        print(f"{measure.environment()}\n\n{tables(directory, options.repeats)}")


if __name__ == "__main__":
    main()
