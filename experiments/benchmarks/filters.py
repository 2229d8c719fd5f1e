r"""What do conditions on columns of videos cost, and what recall is left?

Claim: a search under conditions takes at most half as long again as one without, at
50 %, 1 % and .01 % of a million videos permitted, and finds as large a share of what
exact search under the same conditions does.

    python -m experiments.benchmarks.filters [--videos=1000000] [--workdir=DIR]

The bundle is that of exact_search.py, with ScaNN beside exact search. Single queries
are asked of `index` and `index_exact` in turns, 300 results each, with no condition, a
duration (half of the videos), two topics of 200, and two channels of 20,000; ratios are
medians of those to the search without conditions in the same turn. Recall is that of
`index` against `index_exact` under the same conditions, of other queries.

Measured 2026-11-28 on two cores of an AMD EPYC beside other work (load 7), so that
ratios count; queries are vectors with as much noise as they vary:

| model | permitted | core-ms | ratio | of core-ms | recall |
|---|---|---|---|---|---|
| index_exact | none | 15.36 | 1.00 | 1.00 | 1.000 |
| index_exact | 50 % | 17.77 | 1.16 | 1.16 | 1.000 |
| index_exact | 1 % | 6.82 | .43 | .44 | 1.000 |
| index_exact | .01 % | 5.28 | .34 | .34 | 1.000 |
| index (ScaNN) | none | 2.67 | 1.00 | 1.00 | .967 |
| index (ScaNN) | 50 % | 4.84 | 1.88 | 1.81 | .941 |
| index (ScaNN) | 1 % | 6.74 | 2.55 | 2.52 | 1.000 |
| index (ScaNN) | .01 % | 5.39 | 2.32 | 2.01 | 1.000 |

The claim holds for exact search. Under ScaNN, whose search of a million takes .4 ms of
its 1.3 to 1.7 core-ms of one thread, the passes over the catalogue cost 1.3 more (a
comparison for each value .1, the positions of what is permitted .3, their number .13),
and the vectors of 10,000 permitted videos another .9, of which .7 is reading them. Half
of the videos permitted leave .026 less recall. Lists of the videos of each value, in
place of the passes, would leave the last part alone: not built.
"""

import argparse
import pathlib
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.benchmarks import answer, measure
from ytdnn.bundle import batches, bundle, where
from ytdnn.log import prepared, schema

_K = 300
_WARM_UP = 3
_CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "50 %": [{"column": "duration_seconds", "at_most": 1_805}],
    "1 %": [{"column": "topic", "in": ["topic 1", "topic 2"]}],
    ".01 %": [{"column": "channel_id", "in": [1, 2]}],
}


def some_queries(served: bundle.Bundle, number: int) -> npt.NDArray[np.float32]:
    """Returns queries near the vectors of some videos, `[number, dim]`."""
    vectors = served.video_vectors()
    rng = np.random.default_rng(0)
    queries = vectors[rng.integers(len(vectors), size=number)].copy()
    queries += rng.normal(scale=queries.std(), size=queries.shape).astype(np.float32)
    queries[:, served.bias_coordinates] = 1.0
    return queries


Search = Callable[[int], npt.NDArray[Any]]
"""From the number of a query or request to ids, `[number]`."""


def of_index(
    served: bundle.Bundle,
    model: str,
    conditions: list[dict[str, Any]],
    queries: npt.NDArray[np.float32],
) -> Search:
    """Returns the search of a model under conditions."""
    fields, function = served.inputs(model), served.model(model)
    most = int(served.manifest.facts["videos"])
    row = {schema.K: min(_K, most), "where": conditions}
    rest = batches.inputs([row], fields)

    def search(number: int) -> npt.NDArray[Any]:
        made = rest | {schema.USER_VECTOR: queries[number : number + 1]}
        found = function(**batches.tensors(made, fields))
        ids: npt.NDArray[Any] = found[schema.IDS].numpy()[0]
        return ids

    return search


def of_answers(
    served: bundle.Bundle,
    conditions: list[dict[str, Any]],
    requests: list[dict[str, Any]],
) -> Search:
    """Returns the answers of both stages under conditions."""
    under = [request | {"where": conditions} for request in requests]
    inputs = answer.as_inputs(served, under)
    function = served.model(bundle.RECOMMENDER)

    def search(number: int) -> npt.NDArray[Any]:
        ids: npt.NDArray[Any] = function(**inputs[number])[schema.IDS].numpy()[0]
        return ids

    return search


def share(served: bundle.Bundle, conditions: list[dict[str, Any]]) -> float:
    """Returns the share of the videos that conditions permit."""
    keys = served.inputs(bundle.INDEX + bundle.EXACT)[schema.CONDITIONS].choices
    held = served.permitted(where.entries(conditions, keys), "", 0)
    return float(held[: int(served.manifest.facts["videos"])].mean())


def table(served: bundle.Bundle, requests: list[dict[str, Any]], repeats: int) -> str:
    """Returns the table."""
    queries = some_queries(served, repeats)
    models = [bundle.INDEX + bundle.EXACT]
    if bundle.INDEX in served.manifest.facts["models"]:
        models.append(bundle.INDEX)
    searches = {
        (model, name): of_index(served, model, given, queries)
        for model in models
        for name, given in _CONDITIONS.items()
    }
    for name, given in _CONDITIONS.items():
        searches[bundle.RECOMMENDER, name] = of_answers(served, given, requests)
    walls, cores = _timed(searches, repeats)
    rows = []
    for (model, name), found in walls.items():
        core = np.median(cores[model, name])
        recall = "–"
        if model in models:
            pair = searches[model, name], searches[models[0], name]
            recall = f"{_recall(*pair, repeats):.3f}"
        rows.append(
            [
                model,
                name,
                f"{share(served, _CONDITIONS[name]):.5f}",
                f"{np.median(found):.2f}",
                f"{core:.2f}",
                f"{np.median(found / walls[model, 'none']):.2f}",
                f"{core / np.median(cores[model, 'none']):.2f}",
                recall,
            ]
        )
    header = ["model", "permitted", "share", "p50 ms", "core-ms", "ratio"]
    return measure.table([*header, "of core-ms", "recall"], rows)


def _timed(
    searches: dict[tuple[str, str], Search], repeats: int
) -> tuple[dict[tuple[str, str], npt.NDArray], dict[tuple[str, str], npt.NDArray]]:
    """Returns milliseconds and core-milliseconds of single queries, in turns.

    One model after the other: exact search reads all vectors, after which nothing is in
    the processor's cache.
    """
    order = np.random.default_rng(0)
    walls: dict[tuple[str, str], list[float]] = {key: [] for key in searches}
    cores: dict[tuple[str, str], list[float]] = {key: [] for key in searches}
    for model in dict.fromkeys(name for name, _ in searches):
        keys = [key for key in searches if key[0] == model]
        for turn in range(_WARM_UP + repeats):
            for place in order.permutation(len(keys)).tolist():
                wall, core = time.perf_counter(), time.process_time()
                searches[keys[place]](turn % repeats)
                cores[keys[place]].append(1_000.0 * (time.process_time() - core))
                walls[keys[place]].append(1_000.0 * (time.perf_counter() - wall))
    first, second = (
        {key: np.array(values[_WARM_UP:]) for key, values in one.items()}
        for one in (walls, cores)
    )
    return first, second


def _recall(search: Search, exact: Search, number: int) -> float:
    """Returns the share of the ids of exact search that a search finds."""
    shares = []
    for query in range(number):
        found, wanted = search(query).tolist(), exact(query).tolist()
        shares.append(len(set(found) & set(wanted)) / max(1, len(set(wanted))))
    return float(np.mean(shares))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    num_videos = 2_000 if options.tiny else options.videos
    with tempfile.TemporaryDirectory() as made:
        directory = options.workdir or pathlib.Path(made)
        answer.ensure(directory, num_videos, also=(), ranker=True)
        served = bundle.load(directory / bundle.KIND)
        data = prepared.load(directory / prepared.KIND)
        requests = answer.some_requests(data, options.repeats)
        print(measure.environment())
        print(f"\n{table(served, requests, options.repeats)}")


if __name__ == "__main__":
    main()
