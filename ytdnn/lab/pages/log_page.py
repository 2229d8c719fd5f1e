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
        page.Section("Size", "Rows of each table.", [_sizes(logs)]),
        page.Section(
            "Popularity and activity",
            "Few videos get most watches, and few users make most of them: straight "
            "falling lines on these scales are heavy tails.",
            _tails(logs),
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


def _tails(logs: Logs) -> list[page.Block]:
    popularity, activity = {}, {}
    for name, log in logs.items():
        views = _counts(log[schema.WATCHES], schema.VIDEO_ID)
        ranks, share = _spaced(len(views)), views / views.sum()
        popularity[name] = plots.Series(ranks.tolist(), share[ranks - 1].tolist())
        counts = _counts(log[schema.WATCHES], schema.USER_ID)
        ranks = _spaced(len(counts))
        least, share = counts[ranks - 1].tolist(), (ranks / len(counts)).tolist()
        activity[name] = plots.Series(least, share, style="points")
    of_video, of_user = "rank of the video", "watches of a user, at least"
    return [
        plots.lines(*each, log_x=True, log_y=True)
        for each in (
            ("Popularity by rank", popularity, of_video, "share of all watches"),
            ("Activity of users", activity, of_user, "share of users"),
        )
    ]


def _counts(frame: pl.LazyFrame, column: str) -> np.ndarray:
    """Returns how often each value occurs, most frequent first."""
    counts = frame.group_by(column).len().collect(engine="streaming")["len"]
    return np.sort(counts.to_numpy())[::-1]


def _spaced(num: int) -> np.ndarray:
    """Returns ranks from 1 to `num`, evenly on a logarithmic scale."""
    return np.unique(np.geomspace(1, max(num, 1), _MOST_POINTS).astype(np.int64))


def _grouped(frame: pl.LazyFrame, key: pl.Expr, *values: pl.Expr) -> pl.DataFrame:
    """Returns values of the rows of each `key`, in its order."""
    groups = frame.group_by(key.alias("key")).agg(*values)
    return groups.sort("key").collect(engine="streaming")


def _shares(frame: pl.LazyFrame, place: pl.Expr, num: int) -> list[float]:
    """Returns the share of the rows in each of some places, from 0."""
    rows = _grouped(frame, place.floor().cast(pl.Int64), pl.len())
    counts = np.bincount(rows["key"], rows["len"], num)
    return (counts / counts.sum()).tolist()


def _calendar(log: Log) -> Iterator[page.Section]:
    """Watches by day and hour, and users by the day they came."""
    watches, time, user = log[schema.WATCHES], pl.col(schema.TIME), schema.USER_ID
    begin = watches.select(time.min()).collect().item() // _DAY
    day = (time // _DAY - begin).alias("day")
    by_day = _grouped(watches, day, pl.len(), pl.col(user).n_unique())
    new = _grouped(watches.group_by(user).agg(day.min()), pl.col("day"), pl.len())
    by_hour = _grouped(watches, time % _DAY // 3_600, pl.len())
    share = (by_hour["len"] / by_hour["len"].sum()).to_list()
    days = by_day["key"].to_list()
    users = {
        "who watch": plots.Series(days, by_day[user].to_list()),
        "for the first time": plots.Series(new["key"].to_list(), new["len"].to_list()),
    }
    watched = {"watches": plots.Series(days, by_day["len"].to_list())}
    at_hours = {"watches": plots.Series(by_hour["key"].to_list(), share)}
    of_log, of_day = "day of the log", "hour of the day, UTC"
    blocks = [
        plots.lines(*each, from_zero=True)
        for each in (
            ("Watches by day", watched, of_log, "watches"),
            ("Users by day", users, of_log, "users"),
            ("Watches by hour", at_hours, of_day, "share of watches"),
        )
    ]
    text = "How much happens when, and when users come for the first time."
    yield page.Section("Days and hours", text, blocks)


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
    most = views.group_by(schema.VIDEO_ID).agg(pl.col("len").sum())
    most = most.sort(["len", schema.VIDEO_ID], descending=[True, False])
    chosen = most[schema.VIDEO_ID].to_list()[: _NUM_VIDEOS * 5 : 5]
    single = {
        f"video {video}": _by_day(views.filter(pl.col(schema.VIDEO_ID) == video))
        for video in chosen
    }
    average = {"all": _by_day(views, int(views["len"].sum()))}
    since = "days since upload"
    yield page.Section(
        "Freshness",
        "A video's watches by days since its upload: they peak soon after it and "
        "decay, each at its own pace. Videos uploaded within the log, at least "
        f"{_DAYS_SINCE_UPLOAD} days before its end.",
        [
            plots.lines("Single videos", single, since, "watches a day"),
            plots.lines("All together", average, since, "share of their watches"),
            _ages(log, uploads),
        ],
    )


def _young_views(log: Log, uploads: pl.LazyFrame) -> pl.DataFrame:
    """Returns watches by video and day since upload, of videos seen to the end."""
    time = pl.col(schema.TIME)
    since = (time - pl.col(schema.UPLOAD_TIME)) // _DAY
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


def _by_day(views: pl.DataFrame, whole: float = 1.0) -> plots.Series:
    """Returns watches by day since upload, as a part of the whole."""
    counts = np.bincount(views["day"], views["len"], _DAYS_SINCE_UPLOAD)
    return plots.Series(list(range(_DAYS_SINCE_UPLOAD)), (counts / whole).tolist())


def _ages(log: Log, uploads: pl.LazyFrame) -> page.Block:
    age = (pl.col(schema.TIME) - pl.col(schema.UPLOAD_TIME)) / _DAY
    ages = log[schema.WATCHES].join(uploads, on=schema.VIDEO_ID)
    quantiles = np.linspace(0.02, 0.98, 40).tolist()
    days = ages.select(age.quantile(q).alias(str(q)) for q in quantiles).collect()
    series = {"watches": plots.Series(days.row(0), quantiles)}
    share, since = "cumulative share of watches", "days since upload"
    return plots.lines("Age of what is watched", series, since, share, log_x=True)


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
    rates = _grouped(frame, pl.col(column), pl.col(schema.CLICKED).mean())
    categories = [str(value) for value in rates["key"].to_list()]
    values = rates[schema.CLICKED].to_list()
    title = "Click rate by " + label.split(",")[0]
    if rates.schema["key"] == pl.String:  # names need room
        dots = {"clicked": [(value, None, None) for value in values]}
        return plots.intervals(title, categories, dots, "share clicked")
    return plots.bars(title, categories, {"clicked": values}, label)


def _watch_time(log: Log) -> Iterator[page.Section]:
    if not _has(log, schema.WATCHES, schema.WATCH_SECONDS):
        return
    watches = log[schema.WATCHES]
    blocks = [_histogram(watches)]
    if _has(log, schema.VIDEOS, schema.DURATION_SECONDS):
        lengths = log[schema.VIDEOS].select(schema.VIDEO_ID, schema.DURATION_SECONDS)
        share = pl.col(schema.WATCH_SECONDS) / pl.col(schema.DURATION_SECONDS)
        fractions = watches.join(lengths, on=schema.VIDEO_ID).select(
            share.clip(0.0, 0.999).alias("fraction"),
            pl.col(schema.DURATION_SECONDS).log(2.0).floor().alias("octave"),
        )
        x = np.linspace(0.025, 0.975, 20).tolist()
        shares = _shares(fractions, pl.col("fraction") * 20, 20)
        series, title = (
            {"watches": plots.Series(x, shares)},
            "Fraction of the video watched",
        )
        blocks.append(plots.lines(title, series, "fraction", "share of watches"))
        means = pl.col("fraction").mean(), pl.len()
        by_length = _grouped(fractions, pl.col("octave"), *means)
        by_length = by_length.filter(pl.col("len") >= 100)
        seconds = (2.0 ** by_length["key"] * 1.4).to_list()
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
    text = "How long a watch lasts, in seconds and as a part of the video."
    yield page.Section("Watch time", text, blocks)


def _histogram(watches: pl.LazyFrame) -> page.Block:
    edges = np.geomspace(1.0, 14_400.0, 40)
    seconds, step = pl.col(schema.WATCH_SECONDS), np.log(edges[1])
    shares = _shares(watches, seconds.clip(1.0, edges[-1]).log() / step, len(edges))
    series = {"watches": plots.Series((edges * np.exp(step / 2)).tolist(), shares)}
    title, share = "Seconds watched", "share of watches"
    return plots.lines(title, series, "seconds", share, log_x=True)
