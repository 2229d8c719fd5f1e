"""The time that a trained stage takes for one user in a batch of users."""

import pathlib

import numpy as np

from ytdnn.base import configs
from ytdnn.evaluation import evaluate_run, protocol
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as retrieval_stage

_REPEATS = 5  # whose median is taken: a busy machine slows single ones


def milliseconds(
    workdir: pathlib.Path, config: configs.Config, stage: str
) -> float | None:
    """Returns the median milliseconds for one user of the validation window.

    Args:
      workdir: Directory of the run.
      config: Config of the run.
      stage: `candidates`: the user's vector; `ranking`: the scores of the run's number
        of candidates.

    Returns:
      Milliseconds; None where the window has no users.
    """
    data = prepared.load(workdir / prepared.KIND)
    cases = protocol.cases(data, events.Split.VALIDATION, config.evaluation)
    if not len(cases):
        return None
    first = retrieval_stage.load(
        workdir / retrieval_stage.KIND, data, config.composition
    )
    if stage != ranking_model.KIND:
        found = [
            evaluate_run.vector_ms(data, first.candidates, cases)
            for _ in range(_REPEATS)
        ]
        return float(np.median(found))
    ranking = ranking_model.load(workdir / ranking_model.KIND, data, first)
    number = config.composition.num_candidates
    found = [
        evaluate_run.ranker_ms(data, ranking, cases, number) for _ in range(_REPEATS)
    ]
    return float(np.median(found))
