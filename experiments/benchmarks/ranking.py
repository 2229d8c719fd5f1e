r"""Does the ranker train at the rate of its products, and score a page in milliseconds?

Claim (PAPER §4): with the tower 1024-512-256 a training step, its input included, runs
at 60 % or more of the rate of its matrix products alone; the candidates of one user are
scored within 6 ms, since all that is the query's is computed once.

    python -m experiments.benchmarks.ranking [--workdir=RUN]

RUN is a run with a bundle; without one the embedded world is prepared and both stages
are trained for an epoch in a temporary directory. Training: steps of the loop's own
trainer with a ranker of that tower on the run's impressions, batch 1,024, in turns with
the bare products of its dense layers and their gradients. Scoring: calls of the
SavedModel `ranker` of the bundle with one user's request and 100, 300 and 1,000 videos
of the catalogue, in turns; core-milliseconds are CPU time of the process a call. Its
parts, each compiled alone: the tensors (lookups, features and the first stage's
scores), the network on given tensors, and the tower's products alone. In bfloat16 the
same weights are exported with `ranking.precision`.

Measured 2026-11-26 on two cores of an AMD EPYC, load 1.7 at the start, the run it makes
itself. A step with its input has 91 % of the products' rate (15,305 against 16,771
impressions/s), one of a given batch 96 %, forward and backward alone 109 %, since of
inputs that are not learned no gradient is made, which the products alone count; the
input alone would do 671,499. Milliseconds of a call, p50 (core-ms in brackets):

| candidates | float32 | of it tensors | network | products | bfloat16 |
|---|---|---|---|---|---|
| 100 | 6.7 (10.2) | 3.4 | 6.1 | 2.9 | 6.5 (9.4) |
| 300 | 10.8 (17.1) | 3.7 | 10.0 | 6.2 | 9.4 (14.2) |
| 1,000 | 23.8 (41.9) | 4.6 | 21.6 | 16.7 | 17.9 (30.7) |

100 candidates take 6.7 ms, above the 6 aimed at. Before the first layer read its
numbers by rows the step had 79 % (13,130 of 16,585), and calls took 7.0, 10.8 and 23.6
ms at a time when the products took 2.5, 5.6 and 15.6. The shipped tower, 512-256, took
5.1 ms for 300 candidates of a million videos then (`answer.py`).
"""

import argparse
import dataclasses
import functools
import itertools
import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from experiments.benchmarks import measure
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import bundle, graphs, requests, saved_models, user_requests
from ytdnn.layers import randomness
from ytdnn.log import lookups, prepared
from ytdnn.log import request as raw_request
from ytdnn.ranking import building, inputs
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage
from ytdnn.run.pipeline import graph, runner, workdir
from ytdnn.training import devices, loop, ranking

FLOAT32: Final = "float32"
BFLOAT16: Final = "bfloat16"
_EPOCHS = configs.TrainingConfig(epochs=1, batch_size=1024)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is measured, or a tiny form of it for a test.

    Attributes:
      tower: ReLU layers of the ranker that is trained.
      batch: Impressions a step.
      candidates: Videos scored at once.
      world: Of the run that is made where none is given.
    """

    tower: tuple[int, ...] = (1024, 512, 256)
    batch: int = 1024
    candidates: tuple[int, ...] = (100, 300, 1_000)
    world: configs.WorldConfig = configs.WORLDS["quickstart"]


TINY = Sizes(
    (16, 8),
    32,
    (5, 10),
    configs.WorldConfig(num_users=60, num_videos=80, num_days=20, watches_per_user=20),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained and exported run.

    Attributes:
      config: Its settings.
      data: The prepared set.
      first_stage: Its candidates.
      ranker: Its ranker.
      served: Its bundle.
    """

    config: configs.Config
    data: prepared.PreparedData
    first_stage: stage.FirstStage
    ranker: ranking_model.RankingModel
    served: bundle.Bundle

    @classmethod
    def load(cls, directory: pathlib.Path) -> "Run":
        """Loads what a workdir holds."""
        data = prepared.load(directory / prepared.KIND)
        first_stage = stage.load(directory / stage.KIND, data)
        path = directory / ranking_model.KIND
        return cls(
            config=workdir.require_config(directory),
            data=data,
            first_stage=first_stage,
            ranker=ranking_model.load(path, data, first_stage),
            served=bundle.load(directory / bundle.KIND),
        )


def make(directory: pathlib.Path, sizes: Sizes) -> None:
    """Prepares the world, trains both stages for an epoch, and exports."""
    config = configs.Config(
        data=configs.DataConfig(world=sizes.world),
        candidates=configs.CandidatesConfig(training=_EPOCHS),
        ranking=configs.RankingConfig(
            enabled=True, tower=sizes.tower, training=_EPOCHS
        ),
    )
    workdir.write_config(directory, config)
    steps = [step for step in graph.STEPS if step.name != graph.EVALUATION.name]
    runner.run(steps, config, directory, lambda line: None)


# Training.


def training(run: Run, sizes: Sizes, repeats: int) -> str:
    """Times steps with and without their input, the input, and the bare products."""
    config = configs.changed(
        run.config,
        {"ranking.tower": sizes.tower, "ranking.training.batch_size": sizes.batch},
    )
    settings = config.ranking
    model = building.build(settings, run.data, run.first_stage)
    made = ranking.make_stage(config, run.data, model)
    trainer = loop.Trainer(made, settings.training, 0, devices.make("none"))
    (dataset,) = made.batches(0, 0)
    batches = iter(dataset.repeat())
    numbers = itertools.count()
    given = next(batches)

    def step(batch: Mapping[str, tf.Tensor]) -> float:
        number = tf.constant(next(numbers), tf.int64)
        return float(trainer.step(dict(batch), number))

    bare = [product.runner(FLOAT32) for product in products(model, sizes.batch)]
    functions: dict[str, Callable[[], object]] = {
        "products alone": functools.partial(_all, bare),
        "step with its input": lambda: step(next(batches)),
        "step of a given batch": lambda: step(given),
        "input alone": lambda: next(batches),
    }
    seconds = measure.interleaved(functions, repeats)
    floor = seconds["products alone"]
    rows = [
        [
            name,
            f"{value * 1e3:.1f}",
            f"{sizes.batch / value:,.0f}",
            f"{floor / value:.0%}",
        ]
        for name, value in seconds.items()
    ]
    header = ["", "ms", "impressions a second", "of the products' rate"]
    return measure.table(header, rows)


def products(model: ranking_model.RankingModel, batch: int) -> list[measure.Product]:
    """Returns the products of the dense layers of a step, gradients included."""
    made = [measure.with_gradients(batch, *shape) for shape in kernels(model)]
    return list(itertools.chain(*made))


def kernels(model: ranking_model.RankingModel) -> list[tuple[int, int]]:
    """Returns inner and outer width of each dense layer, bottom first.

    The first layer is in two, of the query and of the impression.
    """
    return [
        (int(v.shape[0]), int(v.shape[1]))
        for v in model.network.trainable_variables
        if "kernel" in v.name and v.shape.rank == 2
    ]


def _all(functions: Sequence[Callable[[], object]]) -> None:
    for function in functions:
        function()


# Scoring.


@dataclasses.dataclass(frozen=True)
class Timed:
    """Calls of one function: median and 99th percentile, and CPU time, in ms."""

    median: float
    p99: float
    core: float


def timed(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    warm_up: int = 5,
    block: int = 1,
) -> dict[str, Timed]:
    """Times functions in turns.

    Args:
      functions: What to time.
      repeats: Calls of each.
      warm_up: Turns before these.
      block: Calls of one function in a turn. After each other function's, a call finds
        the caches filled by others.
    """
    wall: dict[str, list[float]] = {name: [] for name in functions}
    core: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(warm_up + -(-repeats // block)):
        for name, function in itertools.chain.from_iterable(
            itertools.repeat(one, block) for one in functions.items()
        ):
            before, used = time.perf_counter(), time.process_time()
            function()
            if turn >= warm_up:
                wall[name].append((time.perf_counter() - before) * 1e3)
                core[name].append((time.process_time() - used) * 1e3)
    return {
        name: Timed(
            float(np.median(values)),
            float(np.percentile(values, 99)),
            float(np.median(core[name])),
        )
        for name, values in wall.items()
    }


def scoring(run: Run, sizes: Sizes, repeats: int) -> str:
    """Times the SavedModel and its parts at each number of candidates."""
    lower = in_bfloat16(run)
    with tempfile.TemporaryDirectory() as root:
        function = saved(run, lower, pathlib.Path(root) / "ranker")
        functions: dict[str, Callable[[], object]] = {}
        for k in sizes.candidates:
            raw = request(run, k)
            whole = run.served.model(bundle.RANKER)
            functions[f"{k} | whole | {FLOAT32}"] = functools.partial(whole, **raw)
            functions[f"{k} | whole | {BFLOAT16}"] = functools.partial(function, **raw)
            functions |= parts(run, lower, raw, k)
        found = timed(functions, repeats)
    rows = [
        [
            *name.split(" | "),
            f"{one.median:.2f}",
            f"{one.p99:.2f}",
            f"{one.core:.2f}",
        ]
        for name, one in found.items()
    ]
    header = ["candidates", "part", "dtype", "p50 ms", "p99 ms", "core-ms"]
    return measure.table(header, rows)


def in_bfloat16(run: Run) -> ranking_model.RankingModel:
    """Returns the ranker with the same weights and products in bfloat16."""
    one = run.ranker
    config = configs.changed(one.config, {"precision": BFLOAT16})
    other = ranking_model.RankingModel(
        config, one.features, one.measured, one.first_stage
    )
    other.network.set_weights(one.network.get_weights())
    return other


def saved(
    run: Run, model: ranking_model.RankingModel, directory: pathlib.Path
) -> Callable[..., object]:
    """Exports a ranker as the bundle's, and loads its signature."""
    videos = lookups.VideoIds(run.data.catalogue)
    tower = graphs.UserTowerGraph(run.data, videos, run.first_stage.candidates)
    stage = run.first_stage
    scorer = graphs.Scorer(run.data, videos, model)
    pool = stage.pool() if scorer.asks_sources else None
    ranker = graphs.RankerGraph(scorer, tower, stage.scores(), pool)
    fields = tuple(run.served.inputs(bundle.RANKER).values())
    saved_models.save(saved_models.Model(ranker, fields, ()), directory)
    loaded = tf.saved_model.load(str(directory))
    function = loaded.signatures[saved_models.SIGNATURE]
    function.held = loaded  # as long as the function, which does not hold it itself
    return function


def request(run: Run, num_videos: int) -> dict[str, tf.Tensor]:
    """Returns a signature's inputs: one active user, videos of the catalogue."""
    sizes = np.diff(np.asarray(run.data.watches.offsets))
    user = int(np.argsort(sizes)[int(0.9 * len(sizes))])
    user_id = run.data.users[schema.USER_ID][user]
    values = run.served.fitting(user_requests.at_end(run.data, user_id))
    rng = np.random.default_rng(0)
    ids = run.data.videos[schema.VIDEO_ID]
    chosen = rng.choice(len(ids), num_videos, replace=num_videos > len(ids))
    fields = run.served.inputs(bundle.RANKER)
    values = {name: value for name, value in values.items() if name in fields}
    asked = values | {schema.VIDEO_IDS: [ids[int(i)] for i in chosen]}
    parsed = requests.parse(asked, fields)
    return {name: tf.constant(value) for name, value in parsed.items()}


def parts(
    run: Run,
    lower: ranking_model.RankingModel,
    raw: Mapping[str, tf.Tensor],
    num_videos: int,
) -> dict[str, Callable[[], object]]:
    """Returns the parts of a call, each compiled alone."""
    read = _reader(run)
    tensors = read(dict(raw))
    found: dict[str, Callable[[], object]] = {
        f"{num_videos} | tensors | {FLOAT32}": functools.partial(read, dict(raw))
    }
    for dtype, model in ((FLOAT32, run.ranker), (BFLOAT16, lower)):
        network = tf.function(model.predict)
        found[f"{num_videos} | network | {dtype}"] = functools.partial(network, tensors)
        bare = [
            measure.Product(rows, *shape).runner(dtype)
            for rows, shape in zip(
                [1, *[num_videos] * len(kernels(model))], kernels(model), strict=False
            )
        ]
        found[f"{num_videos} | products | {dtype}"] = functools.partial(_all, bare)
    return found


def _reader(run: Run) -> Callable[..., Any]:
    """Returns what makes the ranker's tensors of a request, as its graph does."""
    videos = lookups.VideoIds(run.data.catalogue)
    user_tower = graphs.UserTowerGraph(run.data, videos, run.first_stage.candidates)
    length = run.ranker.config.history_length
    made = inputs.RequestInputs(run.data, run.ranker.features, length)
    asked = run.ranker.first_stage
    scores = asked.scores() if asked is not None else None

    @tf.function
    def read(raw: dict[str, tf.Tensor]) -> inputs.Tensors:
        found = raw_request.Request(raw, videos, raw[schema.VIDEO_IDS])
        if scores is not None:
            vectors = user_tower.call(**raw)[schema.USER_VECTOR]
            found.candidate_scores = scores(vectors, found.video_indices)
        return made(found)

    return read


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=200, help="calls counted")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    sizes = TINY if options.tiny else Sizes()
    randomness.set_seed(0)
    print(measure.environment())
    with tempfile.TemporaryDirectory() as root:
        directory = options.workdir or pathlib.Path(root)
        if not options.workdir:
            make(directory, sizes)
        run = Run.load(directory)
        print(f"\n{training(run, sizes, max(1, options.repeats // 10))}", flush=True)
        print(f"\n{scoring(run, sizes, options.repeats)}", flush=True)


if __name__ == "__main__":
    main()
