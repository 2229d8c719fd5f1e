"""Candidate models by matrix computations on users and videos.

By weights between videos, a video's score being a sum over the watches, the opponents
of Dacrema et al. (*Are we really making much progress?*, RecSys 2019):

* `item_neighbours`: cosine of the users in common, shrunk toward 0 where they are few;
* `rp3beta`: three-step random walks from the user's watches, with popular videos
  damped (Paudel et al., 2017);
* `ease`: linear regression of each video on all others (Steck, 2019), for a few
  thousand videos, since it inverts a matrix of all pairs.

By users:

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
from scipy.linalg import lapack

from ytdnn.base import configs, errors, ragged, registries
from ytdnn.base.metrics import top_k_selection
from ytdnn.retrieval import model_interface

_EXTRA = "baselines"
_USER_DAMPING, _VIDEO_DAMPING = 1.0, 5.0  # watches
_SHRINK = 10.0  # users in common, added to the denominator of the cosine
_NEIGHBOURS = 200  # of each video, those with the largest weights
_BLOCK_BYTES = 64 * 2**20  # of dense weights
Floats = npt.NDArray[np.float32]


class _ItemModel(model_interface.ScoringModel):
    """Sums weights of the history's videos.

    Attributes:
      weights: `[videos, videos]`, from a watched video to a listed one.
    """

    weights: Any

    def scorer(self, requests: model_interface.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by the sums."""
        history = requests.matrix

        def score(users: slice, videos: slice, out: Floats) -> None:
            product = history[users] @ self.weights[:, videos]
            out[:] = product.todense() if sparse.issparse(product) else product

        return score


@registries.CANDIDATE_MODELS.register("item_neighbours")
class ItemNeighbours(_ItemModel):
    """Videos with many users in common with those watched."""

    def fit(self, data: model_interface.TrainingData) -> None:
        """Counts users in common."""
        counts = data.matrix
        roots = np.sqrt(np.asarray(counts.sum(axis=0), np.float32).ravel())

        def similarity(rows: slice, common: Floats) -> Floats:
            cosine = common / (np.outer(roots[rows], roots) + _SHRINK)
            return np.asarray(cosine, np.float32)

        self.weights = _nearest(counts.T.tocsr(), counts, similarity)


@registries.CANDIDATE_MODELS.register("rp3beta")
class RP3Beta(_ItemModel):
    """Videos at the end of random walks: video, user, video.

    Attributes:
      beta: Power of a video's watches that its score is divided by; 0: none.
    """

    beta = 0.6

    def fit(self, data: model_interface.TrainingData) -> None:
        """Computes the transition probabilities."""
        counts = data.matrix
        watches = np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1.0)
        of_users = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1.0)
        to_users = (sparse.diags(1.0 / watches) @ counts.T).astype(np.float32).tocsr()
        to_videos = (sparse.diags(1.0 / of_users) @ counts).astype(np.float32).tocsr()
        damping = (watches**-self.beta).astype(np.float32)
        self.weights = _nearest(to_users, to_videos, lambda _, walks: walks * damping)


@registries.CANDIDATE_MODELS.register("ease")
class EASE(_ItemModel):
    """Videos that a linear regression predicts from those watched.

    Attributes:
      regularization: Added to the diagonal of the matrix of users in common.
    """

    regularization = 300.0

    def fit(self, data: model_interface.TrainingData) -> None:
        """Inverts the matrix of users in common."""
        counts = data.matrix
        common = np.asarray((counts.T @ counts).todense(), np.float32)
        common[np.diag_indices(len(common))] += self.regularization
        # Of a symmetric matrix: a third of the time of a general inverse.
        factor, _ = lapack.spotrf(common, lower=True)
        lower, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        self.weights = inverse / -np.diag(inverse)
        self.weights[np.diag_indices(len(common))] = 0.0


def _nearest(first: Any, second: Any, weigh: Any) -> Any:
    """Returns the largest weights of each video, a sparse matrix `[videos, videos]`.

    Args:
      first: `[videos, users]` sparse.
      second: `[users, videos]` sparse.
      weigh: Function of a slice of videos and the dense product of their rows of
        `first` with `second`; it returns their weights.
    """
    size, parts = first.shape[0], []
    for rows in ragged.slices(size, _BLOCK_BYTES // (4 * size)):
        weights = weigh(rows, np.asarray((first[rows] @ second).todense()))
        own = np.arange(rows.start, rows.stop)
        weights[own - rows.start, own] = 0.0
        if size > _NEIGHBOURS:
            least = np.sort(weights, axis=1)[:, -_NEIGHBOURS]  # many are 0
            weights[weights < least[:, np.newaxis]] = 0.0
        parts.append(sparse.csr_matrix(weights.astype(np.float32)))
    return sparse.vstack(parts).tocsc()


@registries.CANDIDATE_MODELS.register("user_neighbours")
class UserNeighbours(model_interface.ScoringModel):
    """Videos that users with similar watches watched."""

    def fit(self, data: model_interface.TrainingData) -> None:
        """Scales the matrix of watches."""
        self.counts = data.matrix
        of_users, of_videos = damped(self.counts)
        self.weights = sparse.diags(of_videos.astype(np.float32))
        # In place: of ten million watches each copy takes a tenth of a gigabyte.
        self.scaled = self.counts.tocsc()
        self.scaled.data *= of_users.astype(np.float32)[self.scaled.indices]
        sizes = np.diff(self.scaled.indptr)
        self.scaled.data *= np.repeat(of_videos.astype(np.float32), sizes)

    def scorer(self, requests: model_interface.Requests) -> top_k_selection.Scorer:
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
      alpha: Weight of a watch; a video that was not watched has weight 1.
    """

    factors: int = 64
    regularization: float = 1.0
    alpha: float = 5.0
    iterations: ClassVar[int] = 12  # passes over both sides
    kind: Literal["als"] = "als"


@registries.CANDIDATE_MODELS.register("als", ALSConfig)
class ALS(model_interface.ScoringModel):
    """Alternating least squares of `implicit`."""

    def __init__(self, config: ALSConfig) -> None:
        """Imports the library.

        Raises:
          errors.UserError: It is not installed.
        """
        self.config = config
        _module("threadpoolctl")
        _module("implicit.als")

    def fit(self, data: model_interface.TrainingData) -> None:
        """Factorises the matrix of watches."""
        with _one_thread():
            self.model = _module("implicit.als").AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=self.config.regularization,
                alpha=self.config.alpha,
                iterations=self.config.iterations,
                random_state=0,
            )
            self.model.fit(data.matrix, show_progress=False)

    def scorer(self, requests: model_interface.Requests) -> top_k_selection.Scorer:
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
