"""The models of a run, as registered parts of its report measure them."""

import dataclasses

from ytdnn.evaluation import models
from ytdnn.log import prepared
from ytdnn.retrieval import interface as retrieval
from ytdnn.run import configs


@dataclasses.dataclass(frozen=True)
class RunModels:
    """A run's models.

    Attributes:
      data: The prepared set.
      trained: The candidate model.
      video_vectors: Vectors of its videos.
      ranking: The ranker; None without one, or where it was trained on the window.
      sources: The candidate sources in addition to the model.
      config: Config of the run.
    """

    data: prepared.PreparedData
    trained: models.RetrievalModel
    video_vectors: models.Vectors
    ranking: models.RankingModelLike | None
    sources: tuple[retrieval.Source, ...]
    config: configs.Config
