"""Example users of a report: their history, what was listed, what was right."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import registries, schema
from ytdnn.base.metrics import exact_top_k, recall_and_ndcg
from ytdnn.evaluation import list_metrics, lists, report_types
from ytdnn.log import prepared

_EXAMPLE_LENGTH = 10
_USER_COLUMNS = (schema.AGE, schema.GENDER, schema.COUNTRY, schema.LANGUAGE)
_VIDEO_COLUMNS = (schema.TITLE, schema.TOPIC, schema.CHANNEL_ID)


@registries.HOOKS.register("examples")
def choose(
    context: list_metrics.Context, listed: Mapping[str, lists.Lists]
) -> tuple[report_types.Example, ...]:
    """Returns a few users with history, recommendations and right answers.

    Users are sorted by one model's recall, and taken at evenly spaced places from the
    worst to the best.

    Args:
      context: Cases and their number.
      listed: Lists of each model; users are sorted by the last model that is
        no oracle.
    """
    ranked_by = [name for name in listed if name != lists.ORACLE]
    if not ranked_by:
        return ()
    targets = context.cases.targets
    k = min(_EXAMPLE_LENGTH, context.length)
    hits = exact_top_k.hits_of(listed[ranked_by[-1]], *targets)
    recall = recall_and_ndcg.recall(hits, np.diff(targets.offsets), k)
    order = np.argsort(recall, kind="stable")
    places = np.linspace(0, len(order) - 1, context.config.num_examples)
    rows = order[places.astype(int)]
    return tuple(_example(context, listed, int(row)) for row in rows)


def _example(
    context: list_metrics.Context, lists_by_name: Mapping[str, lists.Lists], row: int
) -> report_types.Example:
    data, cases = context.data, context.cases
    answers, history = (
        part.take(np.array([row])).values for part in (cases.targets, cases.watched)
    )
    listed = {
        name: tuple(
            report_types.ListedVideo(
                **_video_facts(data.catalogue, video), is_answer=video in answers
            )
            for video in videos[row, :_EXAMPLE_LENGTH].tolist()
            if video > 0
        )
        for name, videos in lists_by_name.items()
    }
    user = data.users.row(int(cases.users[row]), named=True)
    return report_types.Example(
        user_id=user[schema.USER_ID],
        facts={
            name: user[name] for name in _USER_COLUMNS if user.get(name) is not None
        },
        history_length=len(history),
        history=_videos(data.catalogue, history[-_EXAMPLE_LENGTH:]),
        lists=listed,
        num_answers=len(answers),
        answers=_videos(data.catalogue, answers[:_EXAMPLE_LENGTH]),
    )


def _videos(
    catalogue: prepared.Catalogue, indices: npt.NDArray[np.integer]
) -> tuple[report_types.ReportVideo, ...]:
    return tuple(
        report_types.ReportVideo(**_video_facts(catalogue, index))
        for index in indices.tolist()
    )


def _video_facts(catalogue: prepared.Catalogue, index: int) -> dict[str, Any]:
    """Returns id and metadata of a video."""
    row = catalogue.videos.row(index - 1, named=True)
    known = {name: row[name] for name in _VIDEO_COLUMNS if row.get(name) is not None}
    return {schema.VIDEO_ID: row[schema.VIDEO_ID]} | known
