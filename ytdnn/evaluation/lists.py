"""Makers of lists: each gives every case its k best videos.

A maker is any function of the cases and a length. Makers are passed by name
(popularity, candidates, system, oracle, a file of predictions), so one more system is
one more entry. The helpers apply the rules of the protocol (watched videos removed, the
candidate set, ties) in one place.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.base.metrics import exact_top_k, top_k_selection
from ytdnn.evaluation import models, user_cases, users_in_parts
from ytdnn.log import prepared
from ytdnn.retrieval import model_interface

Cases = user_cases.Cases
Vectors = models.Vectors

POPULARITY = "popularity"
CANDIDATES = "candidates"
NETWORK = "network"  # candidates without what is watched at the request
AS_TRAINED = "as_trained"  # network that did not go on learning up to the test
SYSTEM = "system"
ORACLE = "oracle"
OWN_WATCHES = "own_watches"  # of lists that hold watched videos
BASELINES = (
    "recent_popularity",
    "markov",
    OWN_WATCHES,
    "co_watch",
    "user_neighbours",
    "item_neighbours",
    "rp3beta",
    "als",
    "ease",
)
CANDIDATES_BY_TRUTH = "candidates_by_truth"
ORACLE_BY_WATCH_TIME = "oracle_by_watch_time"
# Upper bounds of a page's watch time, which say nothing of what lists retrieve.
PAGE_BOUNDS = (CANDIDATES_BY_TRUTH, ORACLE_BY_WATCH_TIME)
# Beside the models of a run: never those that a gate, a verdict or a study is about.
REFERENCES = (POPULARITY, *BASELINES, NETWORK, AS_TRAINED, ORACLE, *PAGE_BOUNDS)

Lists = npt.NDArray[np.int32]
Maker = Callable[[Cases, int], Lists]
Order = Callable[[Cases, Lists, Vectors], Vectors]
"""Cases, candidates and their logits to what a page is ordered by, -inf = not on it."""
# Bound on the memory of a block of scores.
_BLOCK_BYTES = 128 * 2**20


def from_vectors(
    cases: Cases, user_vectors: Vectors, video_vectors: Vectors, k: int
) -> Lists:
    """Ranks all videos exactly by the product with each case's vector.

    Args:
      cases: Cases to list videos for.
      user_vectors: `[cases, dim] float32`.
      video_vectors: `[num_videos, dim] float32`, a bias included if there is one.
      k: Length of the lists.

    Returns:
      `[cases, k] int32` video indices, best first, 0 where fewer may be listed.
    """
    return exact_top_k.top_k(
        user_vectors,
        video_vectors,
        cases.removed.offsets,
        cases.removed.values,
        k,
        block_bytes=_BLOCK_BYTES,
        available=cases.available,
    )


def from_scores(
    cases: Cases, score: top_k_selection.Scorer, num_videos: int, k: int
) -> Lists:
    """Ranks all videos exactly by any score, as `from_vectors` does.

    Args:
      cases: Cases to list videos for.
      score: Function that fills a block: its arguments are a slice of cases, a slice of
        videos (0 is video index 1) and the float32 array for their scores.
      num_videos: Number of videos that can be listed, the first of the catalogue.
      k: Length of the lists.
    """
    return top_k_selection.best_of(
        score,
        (len(cases), num_videos),
        (cases.removed.offsets, cases.removed.values),
        k,
        block_bytes=_BLOCK_BYTES,
        available=cases.available,
    )


def may_hold(
    cases: Cases, rows: npt.NDArray[np.integer], videos: npt.NDArray[np.integer]
) -> npt.NDArray[np.bool_]:
    """Returns whether each video may be in a list of another system, `[n] bool`.

    Args:
      cases: Cases of the lists.
      rows: `[n]` row of the case of each video.
      videos: `[n]` a video index for each; 0, an unknown video, may be listed.
    """
    everyone = slice(0, len(cases))
    watched = cases.removed.offsets, cases.removed.values
    removed = top_k_selection.ExcludedVideos(everyone, watched, cases.available)
    return ~removed.holds(rows, videos)


def closed_up(cases: Cases, listed: Lists, k: int) -> Lists:
    """Returns lists without forbidden videos, compacted and cut to k."""
    closed, _ = model_interface.closed_up(listed, cases.removed, cases.available)
    return closed[:, :k]


def popularity(catalogue: prepared.Catalogue) -> Maker:
    """Returns the maker that lists the videos with most training watches."""
    watched = catalogue.videos[prepared.TRAIN_COUNT].head(catalogue.vocabulary_size)
    counts = watched.to_numpy().astype(np.float32)

    def make(cases: Cases, k: int) -> Lists:
        users = np.ones((len(cases), 1), np.float32)
        return from_vectors(cases, users, counts[:, np.newaxis], k)

    return make


def rank_by_vectors(user_vectors: Vectors, video_vectors: Vectors) -> Maker:
    """Returns the maker that ranks by the product with each case's vector."""
    return lambda cases, k: from_vectors(cases, user_vectors, video_vectors, k)


def from_model(
    data: prepared.PreparedData, trained: models.RetrievalModel, video_vectors: Vectors
) -> Maker:
    """Returns the maker that ranks by a candidate model's vectors.

    Vectors of the last cases are cached for the other makers.
    """

    @functools.lru_cache(maxsize=1)
    def vectors(cases: Cases) -> Vectors:
        return trained.user_vectors(data, cases.users, cases.ends, cases.times)

    def make(cases: Cases, k: int) -> Lists:
        return from_vectors(cases, vectors(cases), video_vectors, k)

    return make


def from_candidate_model(
    model: model_interface.BaseCandidateModel, data: prepared.PreparedData
) -> Maker:
    """Returns the maker of a candidate model that was fitted on a prepared set."""

    def make(cases: Cases, k: int) -> Lists:
        requests = model_interface.Requests(
            users=cases.users,
            times=cases.times,
            histories=ragged.Ragged(cases.watched.offsets, cases.watched.values - 1),
            num_videos=data.vocabulary_size,
            removed=ragged.Ragged(cases.removed.offsets, cases.removed.values),
            available=cases.available,
        )
        return model_interface.lists(model, requests, k)

    return make


def composed(
    data: prepared.PreparedData,
    first: Maker,
    ranker: models.RankingModel,
    num_candidates: int,
    order: Order | None = None,
) -> Maker:
    """Returns the maker of both stages: candidates, then the ranker's order.

    As in serving, `num_candidates` unwatched videos go to the ranker.

    Args:
      data: The prepared set.
      first: Maker of the candidates.
      ranker: Ranker that scores them.
      num_candidates: Number of candidates.
      order: Function from the logits to the order of a slate; None: order by logits.
    """

    def make(cases: Cases, k: int) -> Lists:
        chosen = first(cases, num_candidates)
        ordered = reordered(data, ranker, cases, chosen, order)[:, :k]
        missing = max(0, k - ordered.shape[1])
        return np.pad(ordered, ((0, 0), (0, missing)))

    return make


def made(
    data: prepared.PreparedData,
    cases: Cases,
    makers: Mapping[str, Maker],
    length: int,
    windows: users_in_parts.WindowOpener,
) -> dict[str, Lists]:
    """Returns the lists of makers, computed window by window, `[cases, length]` each.

    Args:
      data: The prepared set.
      cases: Cases of a split.
      makers: Makers by name.
      length: Length of the lists.
      windows: Opener of the windows that the makers' models read.
    """

    def make(part: slice) -> users_in_parts.Results:
        part_cases = cases
        if part.stop - part.start < len(cases):
            part_cases = user_cases.take(cases, np.arange(part.start, part.stop))
        return {name: maker(part_cases, length) for name, maker in makers.items()}

    return windows.divided(data, cases.users, make)


def reordered(
    data: prepared.PreparedData,
    ranker: models.RankingModel,
    cases: Cases,
    lists: Lists,
    order: Order | None = None,
) -> Lists:
    """Returns lists in the ranker's order; padding stays last, ties keep their order.

    Args:
      data: The prepared set.
      ranker: Ranker that scores the videos.
      cases: Cases of the lists.
      lists: `[cases, n]` video indices.
      order: Function from the logits to the order of a slate; None: order by logits.

    Raises:
      ValueError: A logit is NaN.
    """
    logits = ranker.score_candidates(data, cases.users, cases.ends, cases.times, lists)
    if np.isnan(logits[lists > 0]).any():
        raise ValueError("expected logits of the ranker to be numbers, received NaN")
    by = logits if order is None else order(cases, lists, logits)
    descending = -np.where(lists > 0, by, -np.inf)
    places = np.argsort(descending, axis=1, kind="stable")
    kept = np.where(np.isneginf(by), 0, lists)
    return np.take_along_axis(kept, places, axis=1)
