"""A few users with history, recommendations and right answers side by side.

The choice is a rule: users are sorted by one model's recall, and taken at evenly spaced
places from the worst to the best.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged, schema
from ytdnn.base.metrics import ranking, retrieval
from ytdnn.evaluation import list_metrics, lists, protocol, report_examples
from ytdnn.log import catalogues

_LENGTH = 10
_FACTS = (schema.AGE, schema.GENDER, schema.COUNTRY, schema.LANGUAGE)
_OF_VIDEO = (schema.TITLE, schema.TOPIC, schema.CHANNEL_ID)


def choose(
    context: list_metrics.Context, made: Mapping[str, lists.Lists]
) -> tuple[report_examples.Example, ...]:
    """Returns the report's examples.

    Args:
      context: Cases and their number.
      made: Lists of each model; users are sorted by the last model that is no oracle.
    """
    ranked_by = [name for name in made if name != lists.ORACLE]
    if not ranked_by:
        return ()
    targets = context.cases.targets
    k = min(_LENGTH, context.length)
    hits = retrieval.hits_of(made[ranked_by[-1]], *targets)
    recall = ranking.recall(hits, np.diff(targets.offsets), k)
    order = np.argsort(recall, kind="stable")
    places = np.linspace(0, len(order) - 1, context.config.num_examples)
    rows = order[places.astype(int)]
    return tuple(_example(context, made, int(row)) for row in rows)


def _example(
    context: list_metrics.Context, made: Mapping[str, lists.Lists], row: int
) -> report_examples.Example:
    data, cases = context.data, context.cases
    answers = _of(cases.targets, row)
    found = {}
    for name, of_model in made.items():
        videos = of_model[row, :_LENGTH]
        found[name] = tuple(
            report_examples.ListedVideo(
                **_known(data.catalogue, v), is_answer=v in answers
            )
            for v in videos[videos > 0].tolist()
        )
    user = data.users.row(int(cases.users[row]), named=True)
    history = _of(cases.watched, row)
    return report_examples.Example(
        user_id=user[schema.USER_ID],
        facts={name: user[name] for name in _FACTS if user.get(name) is not None},
        history_length=len(history),
        history=_videos(data.catalogue, history[-_LENGTH:]),
        lists=found,
        num_answers=len(answers),
        answers=_videos(data.catalogue, answers[:_LENGTH]),
    )


def _of(
    videos: ragged.Ragged | protocol.Histories, row: int
) -> npt.NDArray[np.integer]:
    found: npt.NDArray[np.integer] = videos.take(np.array([row])).values
    return found


def _videos(
    catalogue: catalogues.Catalogue, indices: npt.NDArray[np.integer]
) -> tuple[report_examples.ReportVideo, ...]:
    known = (_known(catalogue, index) for index in indices.tolist())
    return tuple(report_examples.ReportVideo(**one) for one in known)


def _known(catalogue: catalogues.Catalogue, index: int) -> dict[str, Any]:
    """Returns id and metadata of a video."""
    row = catalogue.videos.row(index - 1, named=True)
    known = {name: row[name] for name in _OF_VIDEO if row.get(name) is not None}
    return {schema.VIDEO_ID: row[schema.VIDEO_ID]} | known
