"""The types of models in evaluation, and the models of a run.

Tests pass fakes with the methods that are called.
"""

import dataclasses
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.candidates import model as candidate_model
from ytdnn.log import prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import interface
from ytdnn.retrieval.index import interface as index_interface

Indices = npt.NDArray[np.integer]
Positions = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
RetrievalModel: TypeAlias = candidate_model.Joined
RankingModel: TypeAlias = ranking_model.RankingModel
SearchIndex: TypeAlias = index_interface.Index[Any]


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
    ranking: RankingModel | None
    sources: tuple[interface.Source, ...]
    config: configs.Config
