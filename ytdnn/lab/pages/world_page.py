"""A page by which a person compares a log with the statistics of published logs.

Every number comes from the event log's tables, so the page can be drawn for any log; a
plot is left out where the log lacks its columns. A second log can be drawn in the same
plots.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ytdnn.base import schema, table_schemas
from ytdnn.lab.pages import page, plots, world_sections

Log = Mapping[str, pl.LazyFrame]
Logs = Mapping[str, Log]

_DAY = 86_400
_MOST_POINTS = 60  # of a curve


def draw(logs: Logs, summary: str) -> str:
    """Returns the page as HTML.

    Args:
      logs: Tables of each log by its name; the first is the one the page is about.
      summary: A paragraph that introduces the page.
    """
    name, log = next(iter(logs.items()))
    sections = [
        page.Section(
            "Size",
            "Rows of each table.",
            [_sizes(logs)],
        ),
        page.Section(
            "Popularity and activity",
            "Few videos get most watches, and few users make most of them: straight "
            "falling lines on these scales are heavy tails.",
            [_popularity(logs), _activity(logs)],
        ),
    ]
    for make in (*world_sections.ALL, _calendar):
        sections += make(log)
    return page.render(f"The log of {name}", summary, sections)


def _sizes(logs: Logs) -> page.Table:
    rows = []
    for table in table_schemas.TABLES:
        counts = [
            log[table].select(pl.len()).collect().item() if table in log else None
            for log in logs.values()
        ]
        rows.append([table, *counts])
    return page.Table(["table", *logs], rows, "rows")


def _popularity(logs: Logs) -> page.Block:
    series = {}
    for name, log in logs.items():
        counts = _counts(log[schema.WATCHES], schema.VIDEO_ID)
        ranks = _spaced(len(counts))
        share = counts / counts.sum()
        series[name] = plots.Series(ranks.tolist(), share[ranks - 1].tolist())
    return plots.lines(
        "Popularity by rank",
        series,
        "rank of the video",
        "share of all watches",
        log_x=True,
        log_y=True,
    )


def _activity(logs: Logs) -> page.Block:
    series = {}
    for name, log in logs.items():
        counts = _counts(log[schema.WATCHES], schema.USER_ID)
        ranks = _spaced(len(counts))
        share = (ranks / len(counts)).tolist()
        series[name] = plots.Series(counts[ranks - 1].tolist(), share, style="points")
    return plots.lines(
        "Activity of users",
        series,
        "watches of a user, at least",
        "share of users",
        log_x=True,
        log_y=True,
    )


def _counts(frame: pl.LazyFrame, column: str) -> np.ndarray:
    """Returns how often each value occurs, most frequent first."""
    counts = frame.group_by(column).len().collect(engine="streaming")["len"]
    return np.sort(counts.to_numpy())[::-1]


def _spaced(num: int) -> np.ndarray:
    """Returns ranks from 1 to `num`, evenly on a logarithmic scale."""
    return np.unique(np.geomspace(1, max(num, 1), _MOST_POINTS).astype(np.int64))


def _calendar(log: Log) -> Iterator[page.Section]:
    """Watches by day and hour, and users by the day they came."""
    watches = log[schema.WATCHES]
    begin = watches.select(pl.col(schema.TIME).min()).collect().item() // _DAY
    day = (pl.col(schema.TIME) // _DAY - begin).alias("day")
    by_day = watches.group_by(day).agg(
        pl.len(), pl.col(schema.USER_ID).n_unique().alias("users")
    )
    found = by_day.sort("day").collect(engine="streaming")
    first = watches.group_by(schema.USER_ID).agg(day.min()).group_by("day").len()
    new = first.sort("day").collect(engine="streaming")
    hour = (pl.col(schema.TIME) % _DAY // 3_600).alias("hour")
    by_hour = watches.group_by(hour).len().sort("hour").collect(engine="streaming")
    share = (by_hour["len"] / by_hour["len"].sum()).to_list()
    days = found["day"].to_list()
    yield page.Section(
        "Days and hours",
        "How much happens when, and when users come for the first time.",
        [
            plots.lines(
                "Watches by day",
                {"watches": plots.Series(days, found["len"].to_list())},
                "day of the log",
                "watches",
                from_zero=True,
            ),
            plots.lines(
                "Users by day",
                {
                    "who watch": plots.Series(days, found["users"].to_list()),
                    "for the first time": plots.Series(
                        new["day"].to_list(), new["len"].to_list()
                    ),
                },
                "day of the log",
                "users",
                from_zero=True,
            ),
            plots.lines(
                "Watches by hour",
                {"watches": plots.Series(by_hour["hour"].to_list(), share)},
                "hour of the day, UTC",
                "share of watches",
                from_zero=True,
            ),
        ],
    )
