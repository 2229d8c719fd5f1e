"""The models of a run, as registered parts of its report measure them."""

import dataclasses

from ytdnn.base import configs
from ytdnn.evaluation import models
from ytdnn.log import prepared
from ytdnn.retrieval import interface as retrieval


@dataclasses.dataclass(frozen=True)
class RunModels:
    """The models of a run.

    Attributes:
      data: The prepared set.
      trained: The candidate model.
      video_vectors: Vectors of the candidate model's videos.
      ranking: The ranker; None without one, or where it was trained on the window.
      sources: Candidate sources in addition to the candidate model.
      config: Config of the run.
    """

    data: prepared.PreparedData
    trained: models.RetrievalModel
    video_vectors: models.Vectors
    ranking: models.RankingModelLike | None
    sources: tuple[retrieval.Source, ...]
    config: configs.Config
