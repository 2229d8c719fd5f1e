"""The time that a stage of a run takes for an answer, which a sweep weighs."""

import pathlib

import numpy as np

from ytdnn.base import configs
from ytdnn.evaluation import evaluate_run, user_cases
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage

_REPEATS = 5  # of which the median is taken: a busy machine slows single ones


def median_ms(
    workdir: pathlib.Path, config: configs.Config, stage: str
) -> float | None:
    """Returns the median milliseconds of a stage for one user, asked in a batch.

    Args:
      workdir: Directory of the run.
      config: Config of the run.
      stage: `candidates`: the user's vector; `ranking`: the scores of the run's number
        of candidates.

    Returns:
      Milliseconds; None where the validation window has no users.
    """
    data = prepared.load(workdir / prepared.KIND)
    cases = user_cases.cases(data, events.Split.VALIDATION, config.evaluation)
    if not len(cases):
        return None
    first = trained_stage.load(workdir / trained_stage.KIND, data, config.composition)
    ranker = None
    if stage == ranking_model.KIND:
        ranker = ranking_model.load(workdir / ranking_model.KIND, data, first)
    times = [
        evaluate_run.timed_vectors(data, first.candidates, cases)[1]
        if ranker is None
        else evaluate_run.ranker_ms(
            data, ranker, cases, config.composition.num_candidates
        )
        for _ in range(_REPEATS)
    ]
    return float(np.median(times))
