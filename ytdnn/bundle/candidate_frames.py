"""Every candidate of one request as a frame: its source, and scores of both stages."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import schema
from ytdnn.bundle import batches, clocks, explained
from ytdnn.bundle import bundle as bundle_room


def frame(
    bundle: bundle_room.Bundle, request: Mapping[str, Any], exact: bool
) -> pl.DataFrame:
    """Returns the candidates of a request, those of the slate first.

    Args:
      bundle: The bundle that answers.
      request: A raw request, without `user_id`.
      exact: Whether to use the exact index.

    Returns:
      `rank` (null for a candidate outside the slate), `video_id`, `title`, `source`,
      `seed_video_id` (the watched video that a source found it by), `candidate_score`
      and `score`.

    Raises:
      errors.UserError: The request is malformed.
    """
    model = bundle.recommender(exact)
    fields = {
        name: field for name, field in bundle.inputs(model).items() if name != schema.K
    }
    asked = {key: value for key, value in request.items() if key != schema.K}
    inputs = batches.inputs([asked], fields)
    with clocks.allowed():
        outputs = bundle.run(model, inputs, explained.CANDIDATES)
    size = int(outputs[schema.NUM_RESULTS][0])
    row = {
        name: values[0, :size].numpy()
        for name, values in outputs.items()
        if name not in (schema.NUM_RESULTS, explained.STAGE_SECONDS)
    }
    none = np.finfo(np.float32).min  # no score
    ids, seeds = (_ids(row[name]) for name in (schema.IDS, explained.SEED_IDS))
    titles = bundle.titles
    columns = {
        "rank": [int(rank) or None for rank in row[explained.RANKS]],
        schema.VIDEO_ID: pl.Series(ids, dtype=bundle.id_type),
        schema.TITLE: pl.Series([titles.get(video) for video in ids], dtype=pl.String),
        schema.SOURCE: [
            bundle.source_names[source - 1] if source else None
            for source in row[explained.SOURCES]
        ],
        schema.SEED_VIDEO_ID: pl.Series(
            [seed if seed in titles else None for seed in seeds], dtype=bundle.id_type
        ),
        "candidate_score": [
            float(score) if score > none else None
            for score in row[explained.CANDIDATE_SCORES]
        ],
        schema.SCORE: row[schema.SCORES].astype(float),
    }
    order = ["rank", schema.SCORE]
    return pl.DataFrame(columns).sort(order, descending=[False, True], nulls_last=True)


def _ids(values: Any) -> list[Any]:
    """Returns ids of a model's output as the log has them."""
    return [
        value.decode() if isinstance(value, bytes) else value
        for value in values.tolist()
    ]
