"""An arm that serves slates from a bundle, with requests in batches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.bundle import batches, bundle
from ytdnn.lab.live import history
from ytdnn.lab.world import corpus, generate, policy, tables, titles_and_queries, words
from ytdnn.log import io_fields

SOURCE = "recommender"  # of the impressions, where the bundle names none
_MOST_CELLS = 1 << 20  # of a batch: its requests times the longest of them

Indices = npt.NDArray[np.int64]


class Requester:
    """Builds the inputs of a bundle's recommender from events of a world."""

    def __init__(self, world: generate.World, known: history.UserHistories) -> None:
        """Stores the world, for users' ids and demographics, and their histories."""
        self._world = world
        self._known = known
        table = tables.users_table(world.all_users, np.inf)
        self._users = {
            name: column.decoded()
            if isinstance(column, tables.CategoryColumn)
            else column
            for name, column in table.items()
            if name != schema.USER_ID
        }
        self._video_ids = np.array(
            [f"v{number}" for number in range(len(world.shared.videos))], object
        )

    def inputs(
        self, requests: policy.PageRequests, fields: batches.Fields, k: int
    ) -> list[tuple[Indices, dict[str, tf.Tensor]]]:
        """Returns rows of the requests, and the inputs of each such batch.

        Args:
          requests: Requests of one crowd.
          fields: The recommender's inputs by name.
          k: Length of the pages.
        """
        users = requests.users.first + requests.rows
        lists = self._lists(users, requests)
        lengths = sum(
            (one.sizes for name, one in lists.items() if name.endswith("video_ids")),
            np.zeros(len(users), np.int64),
        )
        every = batches.group_by_length(
            lengths, batches.MAX_REQUESTS, most_cells=_MOST_CELLS
        )
        return [
            (rows, self._inputs(rows, users, requests, lists, fields, k))
            for rows in every
        ]

    def _lists(
        self, users: Indices, requests: policy.PageRequests
    ) -> dict[str, ragged.Ragged]:
        """Returns the histories of the users, by the names of a request's fields."""
        fields: dict[str, ragged.Ragged] = {}
        named = {
            "watches": {
                schema.WATCHED_VIDEO_IDS: "videos",
                schema.WATCH_TIMES: "times",
                schema.WATCHED_SECONDS: "seconds",
            },
            "impressions": {
                schema.IMPRESSION_VIDEO_IDS: "videos",
                schema.IMPRESSION_TIMES: "times",
                schema.IMPRESSION_CLICKED: "clicked",
            },
            "searches": {schema.QUERIES: "queries"},
        }
        for kind, columns in named.items():
            lists = self._known.columns(kind, users, requests.happened)
            fields |= {name: lists[column] for name, column in columns.items()}
        return fields

    def _inputs(
        self,
        rows: Indices,
        users: Indices,
        requests: policy.PageRequests,
        lists: Mapping[str, ragged.Ragged],
        fields: batches.Fields,
        k: int,
    ) -> dict[str, tf.Tensor]:
        devices = np.array(words.DEVICES, object)
        single: dict[str, Any] = {
            schema.TIME: requests.times[rows],
            schema.DEVICE: devices[requests.devices[rows]],
            schema.LOGGED_IN: requests.logged_in[rows],
            schema.K: np.full(len(rows), k),
        } | {name: column[users[rows]] for name, column in self._users.items()}
        values = {}
        for name, field in fields.items():
            if name in lists:
                values[name] = self._padded(name, lists[name].take(rows), field)
            elif name in single:
                values[name] = _filled(single[name], field)
            else:
                shape = (len(rows), 1) if field.is_list else (len(rows),)
                values[name] = np.full(shape, field.missing, _dtype(field))
        return batches.tensors(values, fields)

    def _padded(
        self, name: str, lists: ragged.Ragged, field: io_fields.Field
    ) -> npt.NDArray[Any]:
        """Returns lists as rows of one length, missing values in front."""
        places = ragged.Ragged(lists.offsets, np.arange(1, len(lists.values) + 1))
        if name == schema.QUERIES:
            texts = self._texts(lists.values)
        elif field.dtype == "string":
            texts = self._video_ids[lists.values]
        else:
            texts = lists.values.astype(field.dtype)
        missing = np.array([field.missing], texts.dtype)
        return np.concatenate([missing, texts])[places.padded()]

    def _texts(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[Any]:
        """Returns the texts of searches."""
        distinct, codes = np.unique(numbers, return_inverse=True)
        shared = self._world.shared
        written = titles_and_queries.queries(
            distinct, shared.topics.num_leaves, shared.videos, self._world.metadata
        )
        return np.array(written, object)[codes] if written else distinct.astype(object)


def policy_of(
    bundle: bundle.Bundle, requester: Requester, source: int
) -> policy.Policy:
    """Returns the policy that requests its slates from a bundle.

    Args:
      bundle: The bundle, which answers by its served index.
      requester: Builds the inputs.
      source: Code of the slates' source.
    """
    name = bundle.recommender()
    fields = bundle.inputs(name)
    outputs = io_fields.read(bundle.manifest.facts["models"][name]["outputs"])
    draws = schema.PROPENSITIES in outputs

    def make_pages(requests: policy.PageRequests) -> policy.Page:
        length = requests.shared.config.impressions_per_page
        shape = (len(requests.rows), length)
        videos = np.full(shape, corpus.NONE, np.int64)
        scores, chances = np.zeros(shape), np.ones(shape)
        for rows, inputs in requester.inputs(requests, fields, length):
            results = bundle.run(name, inputs)
            numbers = _numbers(results[schema.IDS], results[schema.NUM_RESULTS])
            videos[rows, : numbers.shape[1]] = numbers
            scores[rows, : numbers.shape[1]] = results[schema.SCORES].numpy()
            if draws:
                drawn = results[schema.PROPENSITIES].numpy()
                chances[rows, : numbers.shape[1]] = drawn
        page = page_of(videos, scores, source)
        return page._replace(propensities=chances) if draws else page

    return make_pages


def page_of(
    videos: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], source: int
) -> policy.Page:
    """Returns pages of one source, without seeds."""
    return policy.Page(
        videos=videos,
        sources=np.full(videos.shape, source),
        scores=scores,
        seeds=np.full(videos.shape, corpus.NONE),
    )


def _numbers(ids: tf.Tensor, num_results: tf.Tensor) -> npt.NDArray[np.int64]:
    """Returns the world's numbers of ids "v7" as the graph has them, -1 behind them."""
    width = int(ids.shape[1])
    there = np.arange(width) < num_results.numpy()[:, None]
    texts = tf.strings.substr(tf.where(there, ids, f"v{corpus.NONE}"), 1, 20)
    return tf.strings.to_number(texts, tf.int64).numpy()


def _dtype(field: io_fields.Field) -> Any:
    return object if field.dtype == "string" else np.dtype(field.dtype)


def _filled(values: npt.NDArray[Any], field: io_fields.Field) -> npt.NDArray[Any]:
    """Returns values of one for each request, missing ones filled in."""
    if field.dtype == "string":
        return np.array(
            [field.missing if value is None else value for value in values], object
        )
    return values.astype(field.dtype)
