"""Baselines by matrix computations on users and videos.

* `user_neighbours`: videos that users with similar watches watched; similarity is the
product of watches, each divided by the root of its video's watches;
* `als`: implicit matrix factorisation (Hu, Koren and Volinsky, 2008), 64 factors, of
the library `implicit` (`ytdnn[baselines]`); the user's factors are computed from the
history of the request.

Both count the candidates' training window, and read histories up to the request.
"""

import functools
import importlib
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ytdnn.base import errors
from ytdnn.evaluation import lists, protocol
from ytdnn.log import inputs, prepared
from ytdnn.retrieval import neighbours

_FACTORS, _ITERATIONS, _SEED = 64, 12, 0
_EXTRA = "baselines"
Floats = npt.NDArray[np.float32]


def user_neighbours(data: prepared.PreparedData) -> lists.Maker:
    """Returns the maker of lists of videos that users with similar watches watched."""
    counts = _training_matrix(data)
    of_users, of_videos = neighbours.damped(counts)
    weights = sparse.diags(of_videos.astype(np.float32))
    # In place: of ten million watches each copy takes a tenth of a gigabyte.
    scaled = counts.tocsc()
    scaled.data *= of_users.astype(np.float32)[scaled.indices]
    scaled.data *= np.repeat(of_videos.astype(np.float32), np.diff(scaled.indptr))

    def make(cases: protocol.Cases, k: int) -> lists.Lists:
        asked = _histories(data, cases) @ weights

        @functools.lru_cache(maxsize=1)
        def similar(start: int, stop: int) -> Floats:
            return np.asarray((asked[start:stop] @ counts.T).todense(), np.float32)

        def score(users: slice, videos: slice, out: Floats) -> None:
            near = similar(users.start, users.stop)
            out[:] = (scaled[:, videos].T @ near.T).T

        return lists.from_scores(cases, score, counts.shape[1], k)

    return make


def require_als() -> None:
    """Checks that the packages of `als` are installed.

    Raises:
      errors.UserError: One is not.
    """
    for name in ("implicit.als", "threadpoolctl"):
        _module(name, "als")


def als(data: prepared.PreparedData) -> lists.Maker:
    """Returns the maker of implicit's alternating least squares.

    Raises:
      errors.UserError: The library `implicit` is not installed.
    """
    library = _module("implicit.als", "als")
    # implicit has threads of its own; with those of BLAS a fit takes many times longer.
    one_thread = functools.partial(
        _module("threadpoolctl", "als").threadpool_limits, limits=1, user_api="blas"
    )
    with one_thread():
        model = library.AlternatingLeastSquares(
            factors=_FACTORS, iterations=_ITERATIONS, random_state=_SEED
        )
        model.fit(_training_matrix(data), show_progress=False)
    of_videos = np.asarray(model.item_factors, np.float32)

    def make(cases: protocol.Cases, k: int) -> lists.Lists:
        histories = _histories(data, cases)
        with one_thread():
            of_users = model.recalculate_user(np.arange(len(cases)), histories)
        vectors = np.asarray(of_users, np.float32)
        return lists.from_vectors(cases, vectors, of_videos, k)

    return make


def _module(name: str, baseline: str) -> Any:
    """Imports an optional package.

    Raises:
      errors.UserError: It is missing.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise errors.UserError(
            f"expected the package {package} for evaluation.baselines={baseline}, "
            f"found none: pip install 'ytdnn[{_EXTRA}]', or leave it out"
        ) from error


def _training_matrix(data: prepared.PreparedData) -> Any:
    """Returns `[users, vocabulary]`, 1 where there is a training watch."""
    parts = []
    for shard in inputs.training_set(data).log.shards:
        watches, shape = shard.read().watches, (shard.num_users, data.vocabulary_size)
        parts.append(_matrix(watches.users, np.asarray(watches.videos), shape))
    return sparse.vstack(parts, format="csr")


def _histories(data: prepared.PreparedData, cases: protocol.Cases) -> Any:
    """Returns `[cases, vocabulary]`, 1 where a video is in the history."""
    before = data.log.shard_index.watched_before(cases.users, cases.ends)
    shape = len(cases), data.vocabulary_size
    return _matrix(before.rows, before.values, shape)


def _matrix(
    rows: npt.NDArray[np.integer],
    videos: npt.NDArray[np.integer],
    shape: tuple[int, int],
) -> Any:
    """Returns a matrix in compressed rows, 1 at each pair of a row and a video."""
    known = (videos > 0) & (videos <= shape[1])
    places = rows[known], videos[known].astype(np.int64) - 1
    found = sparse.csr_matrix(
        (np.ones(len(places[0]), np.float32), places), shape=shape
    )
    found.data[:] = 1.0
    return found
