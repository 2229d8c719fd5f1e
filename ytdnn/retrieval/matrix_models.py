"""Candidate models by matrix computations on users and videos.

* `user_neighbours`: videos that users with similar watches watched; similarity is the
  product of watches, each divided by the root of its video's watches;
* `als`: implicit matrix factorisation (Hu, Koren and Volinsky, 2008) of the library
  `implicit` (`ytdnn[baselines]`); the user's factors are computed from the history of
  the request.
"""

import functools
import importlib
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ytdnn.base import configs, errors, registries
from ytdnn.base.metrics import top_k_selection
from ytdnn.retrieval import candidate_models

_EXTRA = "baselines"
_USER_DAMPING, _VIDEO_DAMPING = 1.0, 5.0  # watches
Floats = npt.NDArray[np.float32]


@registries.CANDIDATE_MODELS.register("user_neighbours")
class UserNeighbours(candidate_models.ScoringModel):
    """Videos that users with similar watches watched."""

    def fit(self, data: candidate_models.TrainingData) -> None:
        """Scales the matrix of watches."""
        self.counts = data.matrix
        of_users, of_videos = damped(self.counts)
        self.weights = sparse.diags(of_videos.astype(np.float32))
        # In place: of ten million watches each copy takes a tenth of a gigabyte.
        self.scaled = self.counts.tocsc()
        self.scaled.data *= of_users.astype(np.float32)[self.scaled.indices]
        sizes = np.diff(self.scaled.indptr)
        self.scaled.data *= np.repeat(of_videos.astype(np.float32), sizes)

    def scorer(self, requests: candidate_models.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by sums of similarities."""
        similarities = requests.matrix @ self.weights

        @functools.lru_cache(maxsize=1)
        def similar(start: int, stop: int) -> Floats:
            return np.asarray(
                (similarities[start:stop] @ self.counts.T).todense(), np.float32
            )

        def score(users: slice, videos: slice, out: Floats) -> None:
            near = similar(users.start, users.stop)
            out[:] = (self.scaled[:, videos].T @ near.T).T

        return score


def damped(
    counts: sparse.csr_matrix,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Returns one over the damped root of the watches of each user, and each video.

    Args:
      counts: `[users, videos]` watches.
    """
    of_users = 1.0 / np.sqrt(_USER_DAMPING + np.asarray(counts.sum(axis=1)).ravel())
    of_videos = 1.0 / np.sqrt(_VIDEO_DAMPING + np.asarray(counts.sum(axis=0)).ravel())
    return of_users, of_videos


@configs.validated
class ALSConfig(configs.Extension):
    """Implicit alternating least squares.

    Attributes:
      factors: Width of the vectors.
      regularization: Weight of the vectors' squared lengths.
    """

    factors: int = 64
    regularization: float = 0.01
    iterations: ClassVar[int] = 12  # passes over both sides
    kind: Literal["als"] = "als"


@registries.CANDIDATE_MODELS.register("als", ALSConfig)
class ALS(candidate_models.ScoringModel):
    """Alternating least squares of `implicit`."""

    def __init__(self, config: ALSConfig) -> None:
        """Imports the library.

        Raises:
          errors.UserError: It is not installed.
        """
        self.config = config
        _module("threadpoolctl")
        _module("implicit.als")

    def fit(self, data: candidate_models.TrainingData) -> None:
        """Factorises the matrix of watches."""
        with _one_thread():
            self.model = _module("implicit.als").AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=self.config.regularization,
                iterations=self.config.iterations,
                random_state=0,
            )
            self.model.fit(data.matrix, show_progress=False)

    def scorer(self, requests: candidate_models.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by products, users from their histories."""
        with _one_thread():
            of_users = self.model.recalculate_user(
                np.arange(len(requests)), requests.matrix
            )
        of_users = np.asarray(of_users, np.float32)
        of_videos = np.asarray(self.model.item_factors, np.float32)

        def score(users: slice, videos: slice, out: Floats) -> None:
            np.matmul(of_users[users], of_videos[videos].T, out=out)

        return score


def _one_thread() -> Any:
    """Returns a context in which BLAS has one thread.

    implicit has threads of its own; with those of BLAS a fit takes many times longer.
    """
    return _module("threadpoolctl").threadpool_limits(limits=1, user_api="blas")


def _module(name: str) -> Any:
    """Imports an optional package.

    Raises:
      errors.UserError: It is missing.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise errors.UserError(
            f"expected the package {package} for the candidate model als, found none: "
            f"pip install 'ytdnn[{_EXTRA}]', or leave it out"
        ) from error
