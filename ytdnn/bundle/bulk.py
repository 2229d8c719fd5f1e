"""Lists for many users at once: by the recommender in batches, or by exact products.

Exact candidates need only the user tower and the vectors of the index. Both ways leave
out videos that the user watched, and removed videos.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.base.metrics import top_k_selection
from ytdnn.bundle import batches, user_requests
from ytdnn.bundle import bundle as bundles
from ytdnn.retrieval.index import interface

LoggedRequests = user_requests.LoggedRequests

_INDEX = "index"
_MOST_CELLS = 1 << 20  # of a batch: its requests times the longest of them
_MOST_SCORES = 1 << 25  # of a batch of a model that scores every video
_MOST_USERS = 1_024  # of a batch of the user tower
_BLOCK_BYTES = 3 * top_k_selection.BLOCK_BYTES  # of a thousand users

Indices = npt.NDArray[np.integer]
Vectors = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class BulkFilters:
    """The videos that lists may hold, in addition to the rule about watched ones.

    Attributes:
      excluded: `[n]` catalogue indices left out of every list.
      allowed: `[m]` catalogue indices, at least one, the only videos in lists; None:
        all.
      of_users: Catalogue indices left out of the list of each user, by user index;
        None: nothing.
      request: Other keys that all requests have, as inputs of a signature: conditions,
        a policy, caps and weights.
    """

    excluded: Indices = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    allowed: Indices | None = None
    of_users: ragged.Ragged | None = None
    request: dict[str, Any] = dataclasses.field(default_factory=dict)

    def left_out(self, users: Indices) -> ragged.Ragged:
        """Returns the videos left out of the lists of single users."""
        if self.of_users is None:
            return ragged.empty(len(users))
        return self.of_users.take(users)


@dataclasses.dataclass(frozen=True)
class Lists:
    """Lists of some users, best first.

    Attributes:
      videos: `[n, k] int32` catalogue indices, 0 after the last one.
      scores: `[n, k] float32`, 0 where there is no video.
      more: `[n, k]` other outputs of the model, by name.
    """

    videos: npt.NDArray[np.int32]
    scores: Vectors
    more: dict[str, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)


Maker = Callable[[Indices], Lists]
"""Makes the lists of users, by user index."""


def recommend(
    bundle: bundles.Bundle,
    logged: LoggedRequests,
    k: int,
    limits: BulkFilters,
    exact: bool = False,
) -> Maker:
    """Returns the function from users to the recommender's lists.

    Args:
      bundle: The models.
      logged: The users.
      k: Length of the lists.
      limits: Videos that the lists may hold.
      exact: Whether candidates come from exact search.
    """
    model = bundle.recommender(exact)
    fields, outputs = bundle.inputs(model), bundle.outputs(model)
    shared = _shared_inputs(bundle, fields, k, limits)
    own = {name: field for name, field in fields.items() if name not in shared}
    column = bundle.videos[schema.VIDEO_ID]
    indices = column.to_frame().with_row_index(_INDEX, offset=1)
    width = len(limits.excluded) + (
        0 if limits.allowed is None else len(limits.allowed)
    )
    most = batches.MAX_REQUESTS
    if model.endswith(bundles.EXACT):
        most = int(np.clip(_MOST_SCORES // max(1, len(column)), 1, most))

    def answer(users: Indices) -> dict[str, tf.Tensor]:
        inputs = {
            name: np.repeat(value, len(users), 0) for name, value in shared.items()
        }
        left_out = logged.ids(limits.left_out(users).padded())
        excluded = tf.convert_to_tensor(inputs[schema.EXCLUDE_IDS], left_out.dtype)
        return bundle.run(
            model,
            logged.inputs(users, own)
            | inputs
            | {schema.EXCLUDE_IDS: tf.concat([excluded, left_out], axis=1)},
        )

    def make(users: Indices) -> Lists:
        sizes = logged.lengths(users) + limits.left_out(users).sizes + width
        videos = np.zeros((len(users), k), np.int32)
        columns = {
            name: np.zeros(videos.shape, np.dtype(field.dtype))
            for name, field in outputs.items()
        }
        for part in batches.group_by_length(sizes, most, _MOST_CELLS):
            answers = answer(users[part])
            video_indices = indices_of(answers[schema.IDS].numpy(), indices)
            length = video_indices.shape[1]
            inside = np.arange(length) < answers[schema.NUM_RESULTS].numpy()[:, None]
            videos[part, :length] = np.where(inside, video_indices, 0)
            for name, values in columns.items():
                values[part, :length] = np.where(inside, answers[name].numpy(), 0)
        length = int((videos > 0).sum(axis=1).max(initial=0))
        columns = {name: values[:, :length] for name, values in columns.items()}
        return Lists(videos[:, :length], columns.pop(schema.SCORES), columns)

    return make


def _shared_inputs(
    bundle: bundles.Bundle, fields: batches.Fields, k: int, limits: BulkFilters
) -> dict[str, npt.NDArray[Any]]:
    """Returns the inputs that all users' requests have in common, a batch of one."""
    ids = bundle.videos[schema.VIDEO_ID]
    allowed = np.zeros(0, np.int32) if limits.allowed is None else limits.allowed
    request = limits.request | {
        schema.K: k,
        schema.EXCLUDE_IDS: ids.gather(limits.excluded - 1).to_list(),
        schema.ALLOW_IDS: ids.gather(allowed - 1).to_list(),
    }
    known = {name: field for name, field in fields.items() if name in request}
    request = {name: value for name, value in request.items() if name in known}
    return batches.inputs([request], known)


def indices_of(ids: npt.NDArray, known: pl.DataFrame) -> npt.NDArray[np.int32]:
    """Returns the catalogue indices of a matrix of ids, 0 for unknown ids."""
    kind = pl.Binary if ids.dtype == object else None
    flat = pl.Series(schema.VIDEO_ID, ids.ravel().tolist(), kind)
    names = flat.cast(known.schema[schema.VIDEO_ID]).to_frame()
    rows = names.join(known, schema.VIDEO_ID, "left", maintain_order="left")[_INDEX]
    indices: npt.NDArray[np.int32] = rows.fill_null(0).to_numpy().astype(np.int32)
    return indices.reshape(ids.shape)


def nearest(
    bundle: bundles.Bundle, logged: LoggedRequests, k: int, limits: BulkFilters
) -> Maker:
    """Returns the function from users to exact candidates; scores are dot products.

    Args:
      bundle: The models.
      logged: The users.
      k: Length of the lists.
      limits: Videos that the lists may hold, without caps.
    """
    vectors_of, vectors = user_vectors(bundle, logged), bundle.video_vectors()
    left_out = np.concatenate([bundle.removed_videos(), limits.excluded])
    allowed = limits.allowed
    if any(limits.request.get(key) for key in (schema.CONDITIONS, schema.POLICY)):
        allowed = _permitted(bundle, limits, len(vectors), logged.time)
    search = Search(vectors, left_out, allowed)

    def make(users: Indices) -> Lists:
        own = limits.left_out(users)
        if bundle.removes_watched:
            own = _join(logged.watched(users), own)
        return search(vectors_of(users), own, k)

    return make


def _permitted(
    bundle: bundles.Bundle, limits: BulkFilters, num_videos: int, time: int
) -> npt.NDArray[np.int32]:
    """Returns the videos that limits permit: all that an exact search finds for them.

    Args:
      bundle: The models.
      limits: The limits, with conditions.
      num_videos: Number of videos with a vector.
      time: Time of the requests, seconds.
    """
    model = bundles.INDEX + bundles.EXACT
    dated = dataclasses.replace(limits, request={**limits.request, schema.TIME: time})
    inputs = _shared_inputs(bundle, bundle.inputs(model), num_videos, dated)
    query = np.zeros((1, bundle.vector_dim), np.float32)
    missing = batches.inputs([{}], bundle.inputs(model))
    outputs = bundle.run(model, missing | inputs | {schema.USER_VECTOR: query})
    ids = bundle.videos[schema.VIDEO_ID].to_frame().with_row_index(_INDEX, offset=1)
    videos = indices_of(outputs[schema.IDS].numpy(), ids)
    return videos[0, : int(outputs[schema.NUM_RESULTS][0])]


def _join(first: ragged.Ragged, other: ragged.Ragged) -> ragged.Ragged:
    """Returns the entries of both lists of each row."""
    if not len(other.values):
        return first
    rows = np.concatenate([first.rows, other.rows])
    values = np.concatenate([first.values, other.values])
    return ragged.from_rows(rows, values, len(first.sizes))


def similar(bundle: bundles.Bundle, k: int, by: str = "") -> Maker:
    """Returns the function from videos to the most similar ones, by cosine.

    The bias is no part of the cosine. The video itself and removed videos are left out.

    Args:
      bundle: The models.
      k: Length of the lists.
      by: Column of the log's own vectors, such as "videos.clip"; empty: those of the
        index.

    Returns:
      Function from catalogue indices of videos with a vector to their lists.
    """
    left_out = bundle.removed_videos()
    if by:
        vectors = np.asarray(bundle.vectors.rows(by)[1:], np.float32)
        lacking = np.flatnonzero(~vectors.any(axis=1)) + 1
        left_out = np.union1d(left_out, lacking).astype(np.int32)
    else:
        vectors = np.delete(bundle.video_vectors(), bundle.bias_coordinates, axis=1)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    search = Search(vectors, left_out)

    def make(videos: Indices) -> Lists:
        own = ragged.Ragged(np.arange(len(videos) + 1), videos)
        return search(vectors[videos - 1], own, k)

    return make


def user_vectors(
    bundle: bundles.Bundle, logged: LoggedRequests
) -> Callable[[Indices], Vectors]:
    """Returns the function from users of a log to their vectors by the user tower.

    It returns `[n, dim] float32`; a user without watches has an empty history.
    """
    fields = bundle.inputs(bundles.USER_TOWER)

    def vectors_of(users: Indices) -> Vectors:
        parts = []
        every = batches.group_by_length(logged.lengths(users), _MOST_USERS, _MOST_CELLS)
        for part in every:
            inputs = logged.inputs(users[part], fields)
            outputs = bundle.run(bundles.USER_TOWER, inputs)
            parts.append(outputs[schema.USER_VECTOR].numpy())
        vectors: Vectors = np.concatenate(parts)
        vectors[np.concatenate(every)] = vectors.copy()
        return vectors

    return vectors_of


class Search:
    """Exact search among some of the videos that have a vector."""

    def __init__(
        self, vectors: Vectors, left_out: Indices, allowed: Indices | None = None
    ) -> None:
        """Stores the vectors, copied if some are left out.

        Args:
          vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
          left_out: `[n]` video indices that no list holds.
          allowed: `[m]` video indices, the only videos in lists; None: all.
        """
        num_videos = len(vectors)
        is_held = np.full(num_videos + 1, allowed is None)
        if allowed is not None:
            is_held[allowed[allowed <= num_videos]] = True
        is_held[left_out[left_out <= num_videos]] = False
        is_held[0] = False
        self._held: npt.NDArray[np.int32] = np.flatnonzero(is_held).astype(np.int32)
        is_whole = len(self._held) == num_videos
        with tf.device("CPU"):
            self._vectors = tf.constant(
                vectors if is_whole else vectors[self._held - 1]
            )
        self._place = np.cumsum(is_held) * is_held

    def __call__(self, queries: Vectors, left_out: ragged.Ragged, k: int) -> Lists:
        """Returns the videos with the largest products.

        Args:
          queries: `[n, dim] float32`.
          left_out: Video indices that each list leaves out, any of the catalogue.
          k: Length of the lists, cut to the number of videos.
        """
        k = min(k, len(self._held))
        if not k:
            nothing = np.zeros((len(queries), 0), np.float32)
            return Lists(nothing.astype(np.int32), nothing)
        with tf.device("CPU"):  # on all cores
            query_tensor = tf.constant(queries)

        def products(
            users: slice, videos: slice, out: Vectors
        ) -> top_k_selection.ScoreBlock:
            del out
            block = interface.row_range(self._vectors, videos.start, videos.stop)
            block_products = _block(query_tensor[users], block)
            # `.numpy()` would copy them.
            return top_k_selection.ScoreBlock(
                *(np.asarray(memoryview(product)) for product in block_products)
            )

        known = np.where(left_out.values < len(self._place), left_out.values, 0)
        columns, scores = top_k_selection.scored_best_of(
            products,
            (len(queries), len(self._held)),
            (left_out.offsets, self._place[known]),
            k,
            _BLOCK_BYTES,
        )
        return Lists(np.append(np.int32(0), self._held)[columns], scores)


@tf.function(reduce_retracing=True)
def _block(queries: tf.Tensor, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a block of products, and its maxima as in `ScoreBlock`."""
    scores = tf.linalg.matmul(queries, vectors, transpose_b=True)
    size = tf.shape(scores)
    number = size[1] // top_k_selection.GROUP
    grouped = scores[:, : number * top_k_selection.GROUP]
    shape = tf.stack([size[0], top_k_selection.GROUP, number])
    return scores, tf.reduce_max(tf.reshape(grouped, shape), axis=1)
