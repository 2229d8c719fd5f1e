"""Watches as JSON lines: {"user": "u1", "video": "v1", "at": 1700000000}."""

import pathlib

import polars as pl

from ytdnn import registries
from ytdnn.base import schema
from ytdnn.log import raw_log

_NAMES = {
    "user": schema.USER_ID,
    "video": schema.VIDEO_ID,
    "at": schema.TIME,
}


@registries.LOGS.register("json_lines")
def read(config):
    """Returns the log of `watches.jsonl` in `data.dir`."""
    path = pathlib.Path(config.dir) / "watches.jsonl"
    with raw_log.readable(str(path)):
        watches = pl.read_ndjson(path).rename(_NAMES)
    tables = {schema.WATCHES: watches.lazy()}
    return raw_log.EventLog(tables, {"source": "json_lines"})
