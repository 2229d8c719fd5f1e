"""Lists for many users at once: in batches, by the models of a bundle.

There are three functions from users to lists: the whole recommender; the candidates of
the served index; and exact candidates by products in blocks, which need only the user
tower. All leave out videos that the user watched, and removed videos.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.bundle import batches, bulk_search, logged_requests, where
from ytdnn.bundle import bundle as bundle_room
from ytdnn.retrieval import caps as caps_room

_INDEX = "index"
_MOST_SCORES = 1 << 25  # of a batch of a model that scores every video

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
      conditions: Conditions on columns of videos (see `ytdnn.bundle.where`).
      policy: A saved set of conditions; empty: none.
      max_per: Most videos of each value, by column of videos.
      weights: Weights of predictions by name; none: those of the policy or bundle.
    """

    excluded: Indices = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    allowed: Indices | None = None
    of_users: ragged.Ragged | None = None
    conditions: tuple[where.Entry, ...] = ()
    policy: str = ""
    max_per: tuple[tuple[str, int], ...] = ()
    weights: tuple[tuple[str, float], ...] = ()


Maker = Callable[[Indices], bulk_search.Lists]
"""Makes the lists of users, by user index."""


def nearest(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    k: int,
    limits: BulkFilters,
) -> Maker:
    """Returns the function from users to exact candidates; scores are dot products.

    Args:
      bundle: The models.
      logged: The users.
      k: Length of the lists.
      limits: Videos that the lists may hold.
    """
    vectors_of = bulk_search.UserVectors(bundle, logged)
    left_out = np.concatenate([bundle.removed_videos(), limits.excluded])
    if limits.conditions or limits.policy:
        permitted = bundle.permitted(limits.conditions, limits.policy, logged.time)
        left_out = np.concatenate([left_out, 1 + np.flatnonzero(~permitted)])
    search = bulk_search.Search(bundle.video_vectors(), left_out, limits.allowed)

    def make(users: Indices) -> bulk_search.Lists:
        left_out = _left_out(bundle, logged, limits, users)
        vectors = vectors_of(users)
        return caps(
            lambda rows, number: search(vectors[rows], left_out.take(rows), number),
            len(users),
            k,
            len(search),
        )

    caps = _Caps(bundle, limits)
    return make


def of_index(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    k: int,
    limits: BulkFilters,
) -> Maker:
    """Returns the function from users to the candidates of the served index.

    Args:
      bundle: The models, with an index that is not exact.
      logged: The users.
      k: Length of the lists.
      limits: Videos that the lists may hold.
    """
    vectors_of, caps = bulk_search.UserVectors(bundle, logged), _Caps(bundle, limits)

    def make(users: Indices) -> bulk_search.Lists:
        vectors = vectors_of(users)
        left_out = _left_out(bundle, logged, limits, users)

        def lists(rows: Indices, number: int) -> bulk_search.Lists:
            listed = _BatchedModel(bundle, logged, bundle_room.INDEX, number, limits)
            return listed(
                left_out.take(rows),
                lambda part: {schema.USER_VECTOR: tf.constant(vectors[rows[part]])},
            )

        return caps(lists, len(users), k, int(bundle.manifest.facts["videos"]))

    return make


def recommended(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    k: int,
    limits: BulkFilters,
    exact: bool = False,
) -> Maker:
    """Returns the function from users to the whole recommender's lists.

    Args:
      bundle: The models.
      logged: The users.
      k: Length of the lists.
      limits: Videos that the lists may hold.
      exact: Whether candidates come from exact search.
    """
    name = bundle.recommender(exact)
    listed = _BatchedModel(bundle, logged, name, k, limits)
    fields = bundle.inputs(name)

    def make(users: Indices) -> bulk_search.Lists:
        return listed(
            _own(limits, users),
            lambda part: logged.inputs(users[part], fields),
            logged.lengths(users),
        )

    return make


class _Caps:
    """Lists with caps: longer lists are computed until each has `k` videos."""

    def __init__(self, bundle: bundle_room.Bundle, limits: BulkFilters) -> None:
        self._most = dict(limits.max_per)
        self._codes = bundle.codes() if self._most else {}

    def __call__(
        self,
        make: Callable[[Indices, int], bulk_search.Lists],
        size: int,
        k: int,
        longest: int,
    ) -> bulk_search.Lists:
        """Returns the lists of all rows.

        Args:
          make: Function that computes the lists of some rows, of a given length.
          size: Number of rows.
          k: Length of the lists.
          longest: Number of videos of the catalogue.
        """
        rows, number = np.arange(size), k
        if not self._most:
            return make(rows, k)
        videos = np.zeros((size, k), np.int32)
        scores = np.zeros((size, k), np.float32)
        while len(rows):
            number = min(4 * number, longest)
            found = make(rows, number)
            keep = caps_room.kept(found.videos, self._codes, self._most)
            places = np.argsort(~keep, axis=1, kind="stable")[:, :k]
            for into, values in ((videos, found.videos), (scores, found.scores)):
                taken = np.take_along_axis(np.where(keep, values, 0), places, axis=1)
                into[rows, : taken.shape[1]] = taken
            is_short = keep.sum(axis=1) < k
            is_whole = found.videos.shape[1] < number or number == longest
            rows = rows[is_short & (not is_whole)]
        return bulk_search.Lists(videos, scores)


class _BatchedModel:
    """Runs a model that lists videos, in batches of similar history length."""

    def __init__(
        self,
        bundle: bundle_room.Bundle,
        logged: logged_requests.LoggedRequests,
        name: str,
        k: int,
        limits: BulkFilters,
    ) -> None:
        self._bundle, self._logged, self._name = bundle, logged, name
        self._k = k
        self._excluded, self._conditions = limits.excluded, limits.conditions
        self._policy, self._fields = limits.policy, bundle.inputs(name)
        self._max_per = limits.max_per
        self._weights = limits.weights
        nothing = np.zeros(0, np.int32)
        self._allowed = nothing if limits.allowed is None else limits.allowed
        column = bundle.videos[schema.VIDEO_ID]
        self._indices = column.to_frame().with_row_index(_INDEX, offset=1)
        self._columns = bundle.outputs(name)
        scores_all = name.endswith(bundle_room.EXACT)
        number = max(1, len(column))
        self._most = batches.MAX_REQUESTS
        if scores_all:
            self._most = int(np.clip(_MOST_SCORES // number, 1, self._most))

    def __call__(
        self,
        left_out: ragged.Ragged,
        inputs: Callable[[Indices], dict[str, tf.Tensor]],
        lengths: npt.NDArray[np.int64] | None = None,
    ) -> bulk_search.Lists:
        """Returns the answers.

        Args:
          left_out: Catalogue indices that each list leaves out.
          inputs: Function from places of a batch to the model's inputs, except `k` and
            limits.
          lengths: Length of each request; None: they are short.
        """
        sizes = left_out.sizes + len(self._excluded) + len(self._allowed)
        sizes = sizes if lengths is None else sizes + lengths
        videos = np.zeros((len(sizes), self._k), np.int32)
        columns = {
            name: np.zeros(videos.shape, np.dtype(field.dtype))
            for name, field in self._columns.items()
        }
        for part in batches.of_like_length(sizes, self._most, bulk_search.MOST_CELLS):
            given = inputs(part) | self._limits(left_out.take(part))
            given |= batches.missing(self._fields, given, len(part))
            answer = self._bundle.run(self._name, given)
            found = self._indices_of(answer[schema.IDS].numpy())
            inside = (
                np.arange(found.shape[1])
                < answer[schema.NUM_RESULTS].numpy()[:, np.newaxis]
            )
            width = found.shape[1]
            videos[part, :width] = np.where(inside, found, 0)
            for name, values in columns.items():
                values[part, :width] = np.where(inside, answer[name].numpy(), 0)
        width = int((videos > 0).sum(axis=1).max(initial=0))
        columns = {name: values[:, :width] for name, values in columns.items()}
        return bulk_search.Lists(videos[:, :width], columns.pop(schema.SCORES), columns)

    def _limits(self, left_out: ragged.Ragged) -> dict[str, tf.Tensor]:
        """Returns `k` and the limits as a signature's inputs."""
        size = len(left_out.sizes)
        excluded = np.tile(self._excluded, (size, 1))
        own = left_out.padded()
        allowed = np.tile(self._allowed, (size, 1))
        keys, values = (
            tf.constant([[one[place] for one in self._conditions]], tf.string)
            for place in (0, 1)
        )
        columns = tf.constant([[name for name, _ in self._max_per]], tf.string)
        most = tf.constant([[number for _, number in self._max_per]], tf.int32)
        names = tf.constant([[one[0] for one in self._weights]], tf.string)
        weights = tf.constant([[one[1] for one in self._weights]], tf.float32)
        conditions = {
            schema.WEIGHT_NAMES: tf.tile(names, [size, 1]),
            schema.WEIGHT_VALUES: tf.tile(weights, [size, 1]),
            schema.CONDITIONS: tf.tile(keys, [size, 1]),
            schema.CONDITION_VALUES: tf.tile(values, [size, 1]),
            schema.POLICY: tf.fill([size], self._policy),
            schema.TIME: tf.fill([size], tf.constant(self._logged.time, tf.int64)),
            schema.MAX_PER_COLUMNS: tf.tile(columns, [size, 1]),
            schema.MAX_PER_COUNTS: tf.tile(most, [size, 1]),
        }
        return {name: t for name, t in conditions.items() if name in self._fields} | {
            schema.K: tf.fill([size], self._k),
            schema.EXCLUDE_IDS: self._logged.ids(np.concatenate([excluded, own], 1)),
            schema.ALLOW_IDS: self._logged.ids(allowed),
        }

    def _indices_of(self, ids: npt.NDArray) -> npt.NDArray[np.int32]:
        """Returns the catalogue indices of a matrix of ids, 0 for unknown ids."""
        kind = pl.Binary if ids.dtype == object else None
        flat = pl.Series(schema.VIDEO_ID, ids.ravel().tolist(), kind)
        given = flat.cast(self._bundle.id_type).to_frame()
        found = given.join(
            self._indices, schema.VIDEO_ID, "left", maintain_order="left"
        )
        indices = found[_INDEX].fill_null(0).to_numpy().astype(np.int32)
        matrix: npt.NDArray[np.int32] = indices.reshape(ids.shape)
        return matrix


def similar(bundle: bundle_room.Bundle, k: int, by: str = "") -> Maker:
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
    search = bulk_search.Search(vectors, left_out)

    def make(videos: Indices) -> bulk_search.Lists:
        own = ragged.Ragged(np.arange(len(videos) + 1), videos)
        return search(vectors[videos - 1], own, k)

    return make


def _left_out(
    bundle: bundle_room.Bundle,
    logged: logged_requests.LoggedRequests,
    limits: BulkFilters,
    users: Indices,
) -> ragged.Ragged:
    """Returns the videos that each user's list leaves out."""
    own = _own(limits, users)
    return _joined(logged.watched(users), own) if bundle.removes_watched else own


def _own(limits: BulkFilters, users: Indices) -> ragged.Ragged:
    """Returns the videos left out of the lists of single users."""
    if limits.of_users is None:
        return ragged.empty(len(users))
    return limits.of_users.take(users)


def _joined(one: ragged.Ragged, other: ragged.Ragged) -> ragged.Ragged:
    """Returns the entries of both lists of each row."""
    if not len(other.values):
        return one
    rows = np.concatenate([one.rows, other.rows])
    values = np.concatenate([one.values, other.values])
    return ragged.of_rows(rows, values, len(one.sizes))
