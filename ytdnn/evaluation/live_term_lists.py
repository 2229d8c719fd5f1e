"""Lists of the candidates with live terms (`retrieval/live_terms.py`), from a log."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.evaluation import lists, models, user_cases
from ytdnn.log import prepared
from ytdnn.retrieval import live_counts, live_terms

_CASES_A_PART = 1 << 8


@dataclasses.dataclass(frozen=True, eq=False)
class LiveCandidates:
    """A candidate model and what is watched at the time of each request.

    Attributes:
      data: The prepared set.
      trained: The candidate model.
      video_vectors: Vectors of its videos.
      begin: The first moment that is asked for.
      delay_seconds: Age from which watches are known to a request.
      num_listed: Length of the model's lists.
    """

    data: prepared.PreparedData
    trained: models.RetrievalModel
    video_vectors: models.Vectors
    begin: int
    delay_seconds: int = 0
    num_listed: int = 300

    def terms(
        self, cases: user_cases.Cases
    ) -> Iterator[tuple[int, npt.NDArray[np.integer], live_terms.Floats]]:
        """Yields row, videos and terms of each case; see `LiveTerms.rows`."""
        return self._counted().rows(self.requests(cases))

    def maker(self, weights: live_terms.Weights) -> lists.Maker:
        """Returns the maker of lists by some weights."""

        def make(cases: user_cases.Cases, k: int) -> lists.Lists:
            listed = np.zeros((len(cases), k), np.int32)
            for row, videos, terms in self.terms(cases):
                order = np.argsort(-(terms @ weights.vector), kind="stable")[:k]
                listed[row, : len(order)] = videos[order]
            return listed

        return make

    def requests(self, cases: user_cases.Cases) -> live_terms.LiveRequests:
        """Returns the requests of some cases, with the network's lists."""
        data, index = self.data, self.data.log.shard_index
        of_users = self.trained.user_vectors(data, cases.users, cases.ends, cases.times)
        listed = lists.from_vectors(
            cases, of_users, self.video_vectors, self.num_listed
        )
        moments = cases.times - self.delay_seconds
        back = np.arange(1, live_terms.HISTORY + 1)
        places = cases.ends[:, np.newaxis] - back
        is_own = places >= index.offsets("watches")[cases.users][:, np.newaxis]
        videos = index.gather("watches", "videos", np.maximum(places, 0).ravel())
        since = index.gather("watches", "times", np.maximum(places[:, 0], 0))
        in_session = moments - since.astype(np.int64) <= live_terms.SESSION_SECONDS
        removed = ragged.Ragged(cases.removed.offsets, cases.removed.values)
        return live_terms.LiveRequests(
            moments=moments,
            history=np.where(is_own, videos.reshape(places.shape), 0),
            in_session=in_session & is_own[:, 0],
            removed=removed,
            listed=listed,
            scores=self._scores(of_users, listed),
        )

    def _scores(
        self, of_users: models.Vectors, listed: lists.Lists
    ) -> live_terms.Floats:
        """Returns the network's scores of listed videos, in bounded memory."""
        scores = np.zeros(listed.shape)
        for part in ragged.slices(len(listed), _CASES_A_PART):
            vectors = self.video_vectors[np.maximum(listed[part] - 1, 0)]
            scores[part] = np.einsum("nd,nkd->nk", of_users[part], vectors)
        return scores

    def _counted(self) -> live_terms.LiveTerms:
        """Returns the terms of the log, read on first use."""
        key = LiveCandidates, self.begin
        counts = self.data.once(
            key, lambda: live_counts.LiveCounts(self.data, self.begin)
        )
        return live_terms.LiveTerms(counts)
