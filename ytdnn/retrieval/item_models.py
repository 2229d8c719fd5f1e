"""Candidate models by weights between videos: a video's score is a sum over watches.

* `item_neighbours`: cosine of the users in common, shrunk toward 0 where they are few;
* `rp3beta`: three-step random walks from the user's watches, with popular videos
  damped (Paudel et al., 2017);
* `ease`: linear regression of each video on all others (Steck, 2019), for a few
  thousand videos, since it inverts a matrix of all pairs.

These are the opponents of Dacrema et al. (*Are we really making much progress?*, RecSys
2019).
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ytdnn.base import configs, ragged, registries
from ytdnn.base.metrics import top_k_selection
from ytdnn.retrieval import candidate_models

_SHRINK = 10.0  # users in common, added to the denominator of the cosine
_NEIGHBOURS = 200  # of each video, those with the largest weights
_BLOCK_BYTES = 64 * 2**20  # of dense weights
Floats = npt.NDArray[np.float32]


class _ItemModel(candidate_models.ScoringModel):
    """Sums weights of the history's videos.

    Attributes:
      weights: `[videos, videos]`, from a watched video to a listed one.
    """

    weights: Any

    def scorer(self, requests: candidate_models.Requests) -> top_k_selection.Scorer:
        """Returns the scorer by the sums."""
        history = requests.matrix

        def score(users: slice, videos: slice, out: Floats) -> None:
            product = history[users] @ self.weights[:, videos]
            out[:] = product.todense() if sparse.issparse(product) else product

        return score


@registries.CANDIDATE_MODELS.register("item_neighbours")
class ItemNeighbours(_ItemModel):
    """Videos with many users in common with those watched."""

    def fit(self, data: candidate_models.TrainingData) -> None:
        """Counts users in common."""
        counts = data.matrix
        roots = np.sqrt(np.asarray(counts.sum(axis=0), np.float32).ravel())

        def similarity(rows: slice, common: Floats) -> Floats:
            cosine = common / (np.outer(roots[rows], roots) + _SHRINK)
            return np.asarray(cosine, np.float32)

        self.weights = _nearest(counts.T.tocsr(), counts, similarity)


@configs.validated
class RP3BetaConfig(configs.Extension):
    """Three-step random walks.

    Attributes:
      beta: Power of a video's watches that its score is divided by; 0: none.
    """

    beta: float = 0.6
    kind: Literal["rp3beta"] = "rp3beta"


@registries.CANDIDATE_MODELS.register("rp3beta", RP3BetaConfig)
class RP3Beta(_ItemModel):
    """Videos at the end of random walks: video, user, video."""

    def __init__(self, config: RP3BetaConfig) -> None:
        """Takes the settings."""
        self.beta = config.beta

    def fit(self, data: candidate_models.TrainingData) -> None:
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

    def fit(self, data: candidate_models.TrainingData) -> None:
        """Inverts the matrix of users in common."""
        counts = data.matrix
        common = np.asarray((counts.T @ counts).todense(), np.float32)
        common[np.diag_indices(len(common))] += self.regularization
        inverse = np.linalg.inv(common)
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
