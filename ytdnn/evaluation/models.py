"""What evaluation asks of the models; the trained ones and test fakes both fit."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ytdnn.data import prepared
from ytdnn.ranking import predictions

Indices = npt.NDArray[np.integer]
Positions = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Readings = Mapping[str, npt.NDArray[Any]]
"""`[n, …]` of each feature by name; none of a model whose features are not known."""


class Candidates(Protocol):
    """Turns users and videos into vectors whose products rank (PAPER §3.1).

    Every model says of itself the two things that its numbers are marked by.

    Attributes:
      num_listed: How many videos lists can hold, the first ones of the catalogue.
    """

    num_listed: int

    @property
    def sees_request_time(self) -> bool:
        """Whether it reads the time of the request, which is the answer's."""
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
        """Returns `[n, dim]` of what each user did before a request.

        Watches before a flat position, searches before a time.
        """
        ...

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: Positions
    ) -> Vectors:
        """Returns `[n, dim]` of the requests of logged impressions."""
        ...

    def readings(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
    ) -> Readings:
        """Returns what its features read of those requests, for the leak check."""
        ...


class Ranker(Protocol):
    """Scores impressions, logged or about to be made (PAPER §4)."""

    @property
    def sees_request_time(self) -> bool:
        """Whether a candidate model that it asks reads the time of the request."""
        ...

    def predict_at(
        self,
        data: prepared.PreparedData,
        impression_rows: Positions,
        video_indices: Indices,
    ) -> predictions.Predictions:
        """Returns what it predicts of candidates at logged requests, `[n, k]` each."""
        ...

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: Positions,
        history_rows: Positions | None = None,
    ) -> predictions.Predictions:
        """Returns what it predicts of each logged impression.

        By the user's past before the impression, or before that of `history_rows`.
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
        """Returns what ranks the candidates, higher = first, `[n, k]`."""
        ...

    def readings(
        self,
        data: prepared.PreparedData,
        users: Indices,
        end_watches: Positions,
        times: Positions,
        video_indices: Indices,
    ) -> Readings:
        """Returns what its features read of those candidates, for the leak check."""
        ...


class Index(Protocol):
    """Finds the videos of the largest products with a query."""

    @property
    def num_videos(self) -> int:
        """Videos in the index."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int32], Vectors]:
        """Returns video indices `[batch, k]`, best first, and their scores."""
        ...
