"""Writes the split of a prepared set for systems that do not know ytdnn."""

import pathlib

import numpy as np
import polars as pl

from ytdnn.base import configs, schema
from ytdnn.evaluation import user_cases
from ytdnn.log import events, prepared

_LATER = {
    events.Split.TEST: (events.Split.TEST,),
    events.Split.VALIDATION: (events.Split.VALIDATION, events.Split.TEST),
}


def write(
    data: prepared.PreparedData, rules: configs.EvaluationConfig, out: pathlib.Path
) -> None:
    """Writes the parts `test` and `validation` of a split.

    `PART_watches.parquet` has everything known before the part: `user_id`, `video_id`
    and `time`, by user and order; so others learn all that ytdnn's histories show, the
    validation watches of leave-one-out too. `PART_users.parquet` has whom to answer,
    `validation_answers.parquet` what to choose settings by.

    Args:
      data: The prepared set.
      rules: Whose answers are right.
      out: Directory of the files.
    """
    out.mkdir(parents=True, exist_ok=True)
    index, ids = data.log.shard_index, data.videos[schema.VIDEO_ID]
    rows = np.arange(index.offsets("watches")[-1])
    users, videos, times, splits = (
        index.gather("watches", name, rows)
        for name in ("users", "videos", "times", "splits")
    )
    for split, later in _LATER.items():
        name = split.name.lower()
        cases = user_cases.cases(data, split, rules)
        ends = index.offsets("watches")[1:].copy()
        ends[cases.users] = cases.ends
        known = ~np.isin(splits, later) & (rows < ends[users])
        if "windows" in data.manifest.facts:
            known &= times < data.manifest.facts["windows"][name]
        pl.DataFrame(
            {
                schema.USER_ID: _ids(data.users[schema.USER_ID], users[known]),
                schema.VIDEO_ID: _ids(ids, videos[known] - 1),
                schema.TIME: times[known].astype(np.int64),
            }
        ).write_parquet(out / f"{name}_watches.parquet")
        asked = _ids(data.users[schema.USER_ID], cases.users)
        asked.to_frame().write_parquet(out / f"{name}_users.parquet")
        answers = {
            schema.USER_ID: _ids(asked, cases.targets.rows),
            schema.VIDEO_ID: _ids(ids, cases.targets.values - 1),
        }
        pl.DataFrame(answers).write_parquet(out / f"{name}_answers.parquet")


def _ids(of: pl.Series, rows: np.ndarray) -> pl.Series:
    return of.gather(pl.Series(rows, dtype=pl.UInt32))
