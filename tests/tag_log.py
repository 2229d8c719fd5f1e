"""The full log with several values of a video."""

import pathlib

import polars as pl

from tests import full_log
from ytdnn.log import prepared

TAGS = [["cat", "fun"], None, ["dog"], ["fun", "jazz", "cat"], [], ["jazz", "dog"]]


def tables() -> dict[str, pl.DataFrame]:
    """Returns the log with lists `tags` and the same as text, `labels`."""
    log = full_log.tables()
    size = log["videos"].height
    tags = pl.Series("tags", [TAGS[i % len(TAGS)] for i in range(size)])
    log["videos"] = log["videos"].with_columns(tags)
    labels = pl.col("tags").list.join(" | ").alias("labels")
    log["videos"] = log["videos"].with_columns(labels)
    return log


def prepared_data(
    directory: pathlib.Path, log: dict[str, pl.DataFrame] | None = None
) -> prepared.PreparedData:
    """Returns the log, prepared."""
    columns = ("videos.labels=labels split |",)
    log = tables() if log is None else log
    return full_log.prepared_data(directory, log, columns=columns)
