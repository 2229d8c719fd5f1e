"""Evaluates an exported bundle by its own answers.

Every case becomes a request as of its time, built from the prepared set; the bundle's
graphs answer in batches. Lists have the names of a run's lists: `candidates` is the
user tower with the exact index, `system` the whole recommender in stock operations, and
`system-scann` the served one, where ScaNN is installed. The recommender itself removes
watched videos.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, progress, schema
from ytdnn.bundle import batches, bulk, requests, saved_models, user_requests
from ytdnn.bundle import bundle as bundles
from ytdnn.evaluation import external_systems, lists, user_cases, users_in_parts
from ytdnn.log import prepared
from ytdnn.retrieval.index import scann_index

SYSTEM_SCANN = "system-scann"


@dataclasses.dataclass(frozen=True)
class ServedLists:
    """A bundle and the prepared set its requests are made from.

    Attributes:
      bundle: The models.
      data: Users, videos and histories.
      windows: Opens the events of the evaluated users.
    """

    bundle: bundles.Bundle
    data: prepared.PreparedData
    windows: users_in_parts.WindowOpener = dataclasses.field(
        default_factory=lambda: users_in_parts.WindowOpener(
            configs.EvaluationConfig().window_events
        )
    )


def read(
    directory: pathlib.Path,
    data: prepared.PreparedData,
    config: configs.EvaluationConfig,
) -> external_systems.Other:
    """Opens a bundle to be measured.

    Args:
      directory: The bundle.
      data: The prepared set it is measured on.
      config: The rules of the evaluation.

    Raises:
      errors.UserError: The bundle is damaged, or cannot answer by these rules.
    """
    windows = users_in_parts.WindowOpener(config.window_events)
    served = ServedLists(bundles.load(directory), data, windows)
    manifest = served.bundle.manifest
    stated = {"num_candidates": manifest.facts["num_candidates"]}
    trained_to = manifest.facts.get(bundles.REFIT, {}).get("trained_to", {})
    counted_to = manifest.facts.get(bundles.COUNTED_TO)
    return external_systems.Other(
        directory.resolve().name,
        bundles.KIND,
        manifest.fingerprint,
        makers(served, config),
        lambda cases: stated,
        trained_to.get("seconds", counted_to),
        _num_listed(served),
    )


def makers(
    served: ServedLists, config: configs.EvaluationConfig
) -> dict[str, lists.Maker]:
    """Returns the makers of a bundle's lists.

    Raises:
      errors.UserError: The bundle removes watched videos and the evaluation does not,
        or the other way round.
    """
    removes = served.bundle.removes_watched
    if config.remove_watched != removes:
        does = "removes" if removes else "keeps"
        raise errors.UserError(
            f"expected evaluation.remove_watched={str(removes).lower()} for a bundle "
            f"that {does} watched videos, received {str(not removes).lower()}"
        )
    models = served.bundle.manifest.facts["models"]
    exact = bundles.RECOMMENDER + bundles.EXACT
    makers_by_name = {lists.CANDIDATES: _candidates(served)}
    if served.bundle.has_ranker:
        makers_by_name[lists.SYSTEM] = _recommender(served, exact)
    needs = models.get(bundles.RECOMMENDER, {}).get("needs", [])
    if "scann" in needs and scann_index.is_available():
        makers_by_name[SYSTEM_SCANN] = _recommender(served, bundles.RECOMMENDER)
    return makers_by_name


def _recommender(served: ServedLists, model: str) -> lists.Maker:
    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        listed = np.zeros((len(cases), k), np.int32)
        for part in _batches(cases):
            inputs = _inputs(served, cases, part, model)
            inputs[schema.K] = np.full(len(part), k, np.int32)
            answered = _lists(served, served.bundle.run(model, inputs), k)
            kept = lists.closed_up(user_cases.take(cases, part), answered, k)
            listed[part, : kept.shape[1]] = kept
        return listed

    return make


def _candidates(served: ServedLists) -> lists.Maker:
    tower = bundles.USER_TOWER
    index = bundles.INDEX + bundles.EXACT

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        watched = np.diff(cases.watched.offsets)
        left_out = watched + [len(_not_out(cases, row)) for row in range(len(cases))]
        listed = np.zeros((len(cases), k), np.int32)
        for part in _batches(cases):
            inputs = _inputs(served, cases, part, tower)
            vectors = served.bundle.run(tower, inputs)[schema.USER_VECTOR]
            wanted = min(k + int(left_out[part].max()), _num_listed(served))
            query = {
                schema.USER_VECTOR: vectors.numpy(),
                schema.K: np.full(len(part), wanted, np.int32),
            }
            answer = served.bundle.run(index, query, saved_models.REQUIRED_SIGNATURE)
            near = _lists(served, answer, wanted)
            kept = lists.closed_up(user_cases.take(cases, part), near, k)
            listed[part, : kept.shape[1]] = kept
        return listed

    return make


def _not_out(cases: user_cases.Cases, row: int) -> npt.NDArray[np.int64]:
    """Returns the rows of videos that are not in the candidate set of a case."""
    if cases.available_from is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(cases.available_from[: cases.num_listed] > cases.times[row])


def _num_listed(served: ServedLists) -> int:
    return int(served.bundle.manifest.facts["videos"])


def _batches(cases: user_cases.Cases) -> Iterator[npt.NDArray[np.int64]]:
    """Yields rows of cases, and shows how many were answered."""
    groups = batches.group_by_length(np.diff(cases.watched.offsets))
    return progress.through(groups, "bundle", "users", [len(part) for part in groups])


def _inputs(
    served: ServedLists,
    cases: user_cases.Cases,
    part: npt.NDArray[np.int64],
    model: str,
) -> batches.Arrays:
    """Returns the inputs of requests of some cases, padded to one length."""
    fields = served.bundle.inputs(model)
    video_ids = served.data.videos[schema.VIDEO_ID]
    batch: list[requests.Request] = [{}] * len(part)
    users, times = cases.users[part], cases.times[part]
    for places, window in served.windows.opened(served.data, users):
        ends = window.positions("watches", users, cases.ends[part])
        for place in np.arange(len(part))[places].tolist():
            user, end, time = (int(values[place]) for values in (users, ends, times))
            request = user_requests.at_position(window.data, user, end, time)
            left_out = _not_out(cases, int(part[place]))
            request[schema.EXCLUDE_IDS] = video_ids.gather(left_out).to_list()
            batch[place] = {k: v for k, v in request.items() if k in fields}
    return batches.inputs(batch, fields)


def _lists(
    served: ServedLists, answer: Mapping[str, tf.Tensor], width: int
) -> lists.Lists:
    """Returns the ids of an answer as video indices, padded with 0."""
    ids = answer[schema.IDS].numpy()
    inside = np.arange(ids.shape[1]) < answer[schema.NUM_RESULTS].numpy()[:, np.newaxis]
    known = served.data.videos.select(schema.VIDEO_ID).with_row_index("index", offset=1)
    rows = np.where(inside, bulk.indices_of(ids, known), 0)[:, :width]
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
