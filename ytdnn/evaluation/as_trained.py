"""The lists of candidates as they were trained, beside those that went on learning."""

import functools
import pathlib

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, schema
from ytdnn.evaluation import lists, protocol, user_windows
from ytdnn.log import prepared
from ytdnn.retrieval import stage as retrieval_stage


def maker(
    workdir: pathlib.Path, data: prepared.PreparedData, config: configs.EvaluationConfig
) -> lists.Maker:
    """Returns the maker of the lists of a run's trained candidates.

    Args:
      workdir: Directory of the run.
      data: Another set of its log, whose videos have another order: that of the lists.
      config: Settings of the lists.
    """
    own = prepared.load(workdir / prepared.KIND)
    trained = user_windows.by_window(
        retrieval_stage.load(workdir / retrieval_stage.KIND, own).candidates,
        user_windows.WindowOpener(config.window_events),
    )
    moment = int(own.manifest.facts["windows"]["test"])
    vectors = functools.cache(lambda: trained.video_vectors(moment))
    places = _places(own, data)

    def make(cases: protocol.Cases, k: int) -> lists.Lists:
        requests = cases.users, cases.ends, cases.times
        asked = protocol.at_requests(own, requests, config, trained.num_listed)
        return places[lists.from_model(own, trained, vectors())(asked, k)]

    return make


def _places(
    of: prepared.PreparedData, among: prepared.PreparedData
) -> npt.NDArray[np.int32]:
    """Returns the index of each video in another order of the catalogue, 0 first."""
    order, others = (each.videos[schema.VIDEO_ID].arg_sort() for each in (of, among))
    places = np.zeros(len(order) + 1, np.int32)
    places[order.to_numpy() + 1] = others.to_numpy() + 1
    return places
