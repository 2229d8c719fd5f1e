"""A page by which a person compares a log with the statistics of published logs.

Every number comes from the event log's tables, so the page can be drawn for any log; a
plot is left out where the log lacks its columns. A second log can be drawn in the same
plots.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ytdnn.base import schema, table_schemas
from ytdnn.lab.pages import page, plots

Log = Mapping[str, pl.LazyFrame]
Logs = Mapping[str, Log]

_DAY = 86_400
_MOST_POINTS = 60  # of a curve
_NUM_VIDEOS = 4  # whose views are drawn one by one
_DAYS_SINCE_UPLOAD = 30
_MOST_EARLIER = 8  # impressions


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
    for make in (_freshness, _slates, _watch_time, _calendar):
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
    table = by_day.sort("day").collect(engine="streaming")
    first = watches.group_by(schema.USER_ID).agg(day.min()).group_by("day").len()
    new = first.sort("day").collect(engine="streaming")
    hour = (pl.col(schema.TIME) % _DAY // 3_600).alias("hour")
    by_hour = watches.group_by(hour).len().sort("hour").collect(engine="streaming")
    share = (by_hour["len"] / by_hour["len"].sum()).to_list()
    days = table["day"].to_list()
    yield page.Section(
        "Days and hours",
        "How much happens when, and when users come for the first time.",
        [
            plots.lines(
                "Watches by day",
                {"watches": plots.Series(days, table["len"].to_list())},
                "day of the log",
                "watches",
                from_zero=True,
            ),
            plots.lines(
                "Users by day",
                {
                    "who watch": plots.Series(days, table["users"].to_list()),
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


def _has(log: Log, table: str, *columns: str) -> bool:
    """Whether a log has a table with these columns."""
    return table in log and set(columns) <= set(log[table].collect_schema().names())


def _freshness(log: Log) -> Iterator[page.Section]:
    """Views by days since upload, of single videos and of all that are young."""
    if not _has(log, schema.VIDEOS, schema.UPLOAD_TIME):
        return
    uploads = log[schema.VIDEOS].select(schema.VIDEO_ID, schema.UPLOAD_TIME)
    views = _young_views(log, uploads)
    if not views.height:
        return
    days = list(range(_DAYS_SINCE_UPLOAD))
    total = _by_day(views)
    most = views.group_by(schema.VIDEO_ID).agg(pl.col("len").sum())
    most = most.sort(["len", schema.VIDEO_ID], descending=[True, False])
    chosen = most[schema.VIDEO_ID].to_list()[: _NUM_VIDEOS * 5 : 5]
    single = {
        f"video {video}": plots.Series(
            days, _by_day(views.filter(pl.col(schema.VIDEO_ID) == video)).tolist()
        )
        for video in chosen
    }
    average = {"all": plots.Series(days, (total / total.sum()).tolist())}
    yield page.Section(
        "Freshness",
        "A video's watches by days since its upload: they peak soon after it and "
        "decay, each at its own pace. Videos uploaded within the log, at least "
        f"{_DAYS_SINCE_UPLOAD} days before its end.",
        [
            plots.lines("Single videos", single, "days since upload", "watches a day"),
            plots.lines(
                "All together", average, "days since upload", "share of their watches"
            ),
            _ages(log, uploads),
        ],
    )


def _young_views(log: Log, uploads: pl.LazyFrame) -> pl.DataFrame:
    """Returns watches by video and day since upload, of videos seen to the end."""
    since = (pl.col(schema.TIME) - pl.col(schema.UPLOAD_TIME)) // _DAY
    time = pl.col(schema.TIME)
    span = log[schema.WATCHES].select(time.min().alias("a"), time.max().alias("b"))
    first, last = span.collect().row(0)
    until = last - _DAYS_SINCE_UPLOAD * _DAY
    young = pl.col(schema.UPLOAD_TIME).is_between(first, until)
    return (
        log[schema.WATCHES]
        .join(uploads.filter(young), on=schema.VIDEO_ID)
        .with_columns(since.alias("day"))
        .filter(pl.col("day").is_between(0, _DAYS_SINCE_UPLOAD - 1))
        .group_by(schema.VIDEO_ID, "day")
        .len()
        .collect(engine="streaming")
    )


def _by_day(views: pl.DataFrame) -> np.ndarray:
    by_day = np.zeros(_DAYS_SINCE_UPLOAD)
    summed = views.group_by("day").agg(pl.col("len").sum())
    by_day[summed["day"].to_numpy()] = summed["len"].to_numpy()
    return by_day


def _ages(log: Log, uploads: pl.LazyFrame) -> page.Block:
    age = ((pl.col(schema.TIME) - pl.col(schema.UPLOAD_TIME)) / _DAY).alias("age")
    ages = log[schema.WATCHES].join(uploads, on=schema.VIDEO_ID).select(age)
    quantiles = np.linspace(0.02, 0.98, 40)
    quantities = ages.select(
        pl.col("age").quantile(q).alias(str(i)) for i, q in enumerate(quantiles)
    ).collect()
    series = {"watches": plots.Series(list(quantities.row(0)), quantiles.tolist())}
    return plots.lines(
        "Age of what is watched",
        series,
        "days since upload",
        "cumulative share of watches",
        log_x=True,
    )


def _slates(log: Log) -> Iterator[page.Section]:
    """Click rates by position, by earlier impressions and by source."""
    if not _has(log, schema.IMPRESSIONS, schema.POSITION):
        return
    impressions = log[schema.IMPRESSIONS]
    missed = (~pl.col(schema.CLICKED)).cast(pl.Int64)
    earlier = (missed.cum_sum() - missed).over(schema.USER_ID, schema.VIDEO_ID)
    repeated = (
        impressions.sort(schema.TIME, maintain_order=True)
        .with_columns(earlier.alias("earlier"))
        .filter(pl.col("earlier") <= _MOST_EARLIER)
    )
    blocks = [
        _click_rate(impressions, schema.POSITION, "place on the slate, from 0"),
        _click_rate(repeated, "earlier", "earlier impressions that were not clicked"),
    ]
    if _has(log, schema.IMPRESSIONS, schema.SOURCE):
        blocks.append(_click_rate(impressions, schema.SOURCE, "candidate source"))
    yield page.Section(
        "Slates",
        "The share of impressions that are clicked. It falls down the slate, and with "
        "every earlier impression of the same video to the same user that was not "
        "clicked.",
        blocks,
    )


def _click_rate(frame: pl.LazyFrame, column: str, label: str) -> page.Block:
    rates = (
        frame.group_by(column)
        .agg(pl.col(schema.CLICKED).mean())
        .sort(column)
        .collect(engine="streaming")
    )
    categories = [str(value) for value in rates[column].to_list()]
    values = rates[schema.CLICKED].to_list()
    title = "Click rate by " + label.split(",")[0]
    if rates.schema[column] == pl.String:  # names need room
        dots = {"clicked": [(value, None, None) for value in values]}
        return plots.intervals(title, categories, dots, "share clicked")
    return plots.bars(title, categories, {"clicked": values}, label)


def _watch_time(log: Log) -> Iterator[page.Section]:
    if not _has(log, schema.WATCHES, schema.WATCH_SECONDS):
        return
    watches = log[schema.WATCHES]
    edges = np.geomspace(1.0, 14_400.0, 40)
    blocks = [_histogram(watches, schema.WATCH_SECONDS, edges)]
    if _has(log, schema.VIDEOS, schema.DURATION_SECONDS):
        lengths = log[schema.VIDEOS].select(schema.VIDEO_ID, schema.DURATION_SECONDS)
        share = pl.col(schema.WATCH_SECONDS) / pl.col(schema.DURATION_SECONDS)
        fractions = watches.join(lengths, on=schema.VIDEO_ID).select(
            share.clip(0.0, 0.999).alias("fraction"),
            pl.col(schema.DURATION_SECONDS).log(2.0).floor().alias("octave"),
        )
        tenth = (pl.col("fraction") * 20).floor().cast(pl.Int64).alias("bin")
        bins = fractions.group_by(tenth).len().collect(engine="streaming")
        counts = np.zeros(20)
        counts[bins["bin"].to_numpy()] = bins["len"].to_numpy()
        x = np.linspace(0.025, 0.975, 20).tolist()
        series = {"watches": plots.Series(x, (counts / counts.sum()).tolist())}
        blocks.append(
            plots.lines(
                "Fraction of the video watched", series, "fraction", "share of watches"
            )
        )
        by_length = (
            fractions.group_by("octave")
            .agg(pl.col("fraction").mean(), pl.len())
            .filter(pl.col("len") >= 100)
            .sort("octave")
            .collect()
        )
        seconds = (2.0 ** by_length["octave"] * 1.4).to_list()
        series = {"mean": plots.Series(seconds, by_length["fraction"].to_list())}
        blocks.append(
            plots.lines(
                "Longer videos are watched for a smaller part",
                series,
                "length of the video, seconds",
                "mean fraction watched",
                log_x=True,
                from_zero=True,
            )
        )
    yield page.Section(
        "Watch time",
        "How long a watch lasts, in seconds and as a part of the video.",
        blocks,
    )


def _histogram(frame: pl.LazyFrame, column: str, edges: np.ndarray) -> page.Block:
    place = pl.col(column).clip(edges[0], edges[-1]).log().sub(np.log(edges[0]))
    step = np.log(edges[1] / edges[0])
    lengths = (
        frame.select((place / step).floor().cast(pl.Int64).alias("bin"))
        .group_by("bin")
        .len()
        .collect(engine="streaming")
    )
    counts = np.zeros(len(edges))
    counts[lengths["bin"].to_numpy()] = lengths["len"].to_numpy()
    x = (edges * np.exp(step / 2)).tolist()
    series = {"watches": plots.Series(x, (counts / counts.sum()).tolist())}
    return plots.lines(
        "Seconds watched", series, "seconds", "share of watches", log_x=True
    )
