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

Measured 2026-11-27 on two cores of an AMD EPYC among much other work (load 22), so that
milliseconds say little; queries are vectors with as much noise as they vary:

| model | permitted | core-ms | ratio | of core-ms | recall |
|---|---|---|---|---|---|
| index_exact | none | 13.87 | 1.00 | 1.00 | 1.000 |
| index_exact | 50 % | 17.27 | 1.27 | 1.24 | 1.000 |
| index_exact | 1 % | 8.95 | .75 | .65 | 1.000 |
| index_exact | .01 % | 7.26 | .54 | .52 | 1.000 |
| index (ScaNN) | none | 3.09 | 1.00 | 1.00 | .957 |
| index (ScaNN) | 50 % | 6.12 | 1.42 | 1.98 | .940 |
| index (ScaNN) | 1 % | 8.97 | 3.28 | 2.91 | 1.000 |
| index (ScaNN) | .01 % | 7.41 | 2.29 | 2.40 | 1.000 |

The claim holds for exact search. Under ScaNN the mask over the catalogue costs more
than the search itself, and half of the videos permitted leave .017 less recall. Passes
over the catalogue that no condition asks for were left out after this was measured.
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
from ytdnn.log import schema

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


def asked(
    served: bundle.Bundle, model: str, conditions: list[dict[str, Any]]
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]:
    """Returns the search of a model under conditions, from queries to ids."""
    fields, function = served.inputs(model), served.model(model)
    most = int(served.manifest.facts["videos"])
    row = {schema.K: min(_K, most), "where": conditions}

    def search(queries: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        nothing = batches.inputs([row] * len(queries), fields)
        nothing |= {schema.USER_VECTOR: queries}
        found = function(**batches.tensors(nothing, fields))
        ids: npt.NDArray[Any] = found[schema.IDS].numpy()
        return ids

    return search


def share(served: bundle.Bundle, conditions: list[dict[str, Any]]) -> float:
    """Returns the share of the videos that conditions permit."""
    keys = served.inputs(bundle.INDEX + bundle.EXACT)[schema.CONDITIONS].choices
    held = served.permitted(where.entries(conditions, keys), "", 0)
    return float(held[: int(served.manifest.facts["videos"])].mean())


def table(served: bundle.Bundle, repeats: int) -> str:
    """Returns the table."""
    models = [bundle.INDEX + bundle.EXACT]
    if bundle.INDEX in served.manifest.facts["models"]:
        models.append(bundle.INDEX)
    queries = some_queries(served, repeats)
    searches = {
        (model, name): asked(served, model, given)
        for model in models
        for name, given in _CONDITIONS.items()
    }
    walls, cores = _timed(searches, queries)
    rows = []
    for (model, name), found in walls.items():
        ratio = np.median(found / walls[model, "none"])
        core = np.median(cores[model, name])
        exact = searches[models[0], name](queries)
        recall = _recall(searches[model, name](queries), exact)
        rows.append(
            [
                model,
                name,
                f"{share(served, _CONDITIONS[name]):.5f}",
                f"{np.median(found):.2f}",
                f"{core:.2f}",
                f"{ratio:.2f}",
                f"{core / np.median(cores[model, 'none']):.2f}",
                f"{recall:.3f}",
            ]
        )
    header = ["model", "permitted", "share", "p50 ms", "core-ms", "ratio"]
    return measure.table([*header, "of core-ms", "recall"], rows)


def _timed(
    searches: dict[tuple[str, str], Callable[..., Any]],
    queries: npt.NDArray[np.float32],
) -> tuple[dict[tuple[str, str], npt.NDArray], dict[tuple[str, str], npt.NDArray]]:
    """Returns milliseconds and core-milliseconds of single queries, in turns."""
    order = np.random.default_rng(0)
    keys = list(searches)
    walls: dict[tuple[str, str], list[float]] = {key: [] for key in keys}
    cores: dict[tuple[str, str], list[float]] = {key: [] for key in keys}
    for turn in range(_WARM_UP + len(queries)):
        row = turn % len(queries)
        for place in order.permutation(len(keys)).tolist():
            wall, core = time.perf_counter(), time.process_time()
            searches[keys[place]](queries[row : row + 1])
            cores[keys[place]].append(1_000.0 * (time.process_time() - core))
            walls[keys[place]].append(1_000.0 * (time.perf_counter() - wall))
    first, second = (
        {key: np.array(values[_WARM_UP:]) for key, values in one.items()}
        for one in (walls, cores)
    )
    return first, second


def _recall(found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """Returns the share of the ids of each row that the other holds."""
    shares = [
        len(set(one) & set(other)) / max(1, len(set(other)))
        for one, other in zip(found.tolist(), wanted.tolist(), strict=True)
    ]
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
        answer.ensure(directory, num_videos, also=(), ranker=False)
        served = bundle.load(directory / bundle.KIND)
        print(f"{measure.environment()}\n\n{table(served, options.repeats)}")


if __name__ == "__main__":
    main()
