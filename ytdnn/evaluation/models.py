"""The interfaces of models in evaluation, for trained models and test fakes."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.log import prepared
from ytdnn.ranking import predictions
from ytdnn.retrieval import interface

Indices = npt.NDArray[np.integer]
Positions = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Readings = Mapping[str, npt.NDArray[Any]]
"""`[n, …]` of each feature by name; none of a model whose features are not known."""


class RetrievalModel(Protocol):
    """Maps users and videos to vectors that are ranked by their product (PAPER §3.1).

    Every model states two facts that its numbers are marked with.

    Attributes:
      num_listed: Number of videos that lists can hold, the first ones of the catalogue.
    """

    num_listed: int

    @property
    def sees_request_time(self) -> bool:
        """Whether the model reads the time of the request, that of the answer."""
        ...

    @property
    def trains_on_validation(self) -> bool:
        """Whether validation watches were labels of its training."""
        ...

    def video_vectors(self, moment: int | None = None) -> Vectors:
        """Returns `[num_listed, dim]` at a moment; row i is video index i + 1."""
        ...

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
    ) -> Vectors:
        """Returns `[n, dim]` user vectors from the events before a request.

        These are watches before a flat position, and searches before a time.
        """
        ...

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: Positions
    ) -> Vectors:
        """Returns `[n, dim]` user vectors at the requests of logged impressions."""
        ...

    def readings(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
    ) -> Readings:
        """Returns the values of its features for those requests, for the leak check."""
        ...


class RankingModelLike(Protocol):
    """Scores impressions, logged ones and candidates (PAPER §4)."""

    @property
    def sees_request_time(self) -> bool:
        """Whether the first stage that features read uses the time of the request."""
        ...

    def predict_at(
        self,
        data: prepared.PreparedData,
        impression_rows: Positions,
        video_indices: Indices,
    ) -> predictions.Predictions:
        """Returns its predictions for candidates at logged requests, `[n, k]` each."""
        ...

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: Positions,
        history_rows: Positions | None = None,
    ) -> predictions.Predictions:
        """Returns its predictions for each logged impression.

        The user's history ends before the impression, or before that of `history_rows`.
        """
        ...

    def score_candidates(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
        video_indices: Indices,
    ) -> Vectors:
        """Returns the scores that rank the candidates, higher = first, `[n, k]`."""
        ...

    def readings(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
        video_indices: Indices,
    ) -> Readings:
        """Returns its features' values for those candidates, for the leak check."""
        ...


class SearchIndex(Protocol):
    """Finds the videos with the largest products with a query."""

    @property
    def num_videos(self) -> int:
        """Number of videos in the index."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int32], Vectors]:
        """Returns video indices `[batch, k]`, best first, and their scores."""
        ...


@dataclasses.dataclass(frozen=True)
class RunModels:
    """The models of a run, as registered parts of its report measure them.

    Attributes:
      data: The prepared set.
      trained: The candidate model.
      video_vectors: Vectors of the candidate model's videos.
      ranking: The ranker; None without one, or where it was trained on the window.
      sources: Candidate sources in addition to the candidate model.
      config: Config of the run.
    """

    data: prepared.PreparedData
    trained: RetrievalModel
    video_vectors: Vectors
    ranking: RankingModelLike | None
    sources: tuple[interface.Source, ...]
    config: configs.Config
