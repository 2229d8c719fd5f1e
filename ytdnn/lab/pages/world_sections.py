"""Sections of the world's page: freshness, pages, watch time, searches.

Each yields its section where the log has the columns, and nothing otherwise.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ytdnn.base import schema
from ytdnn.lab.pages import page, plots

Log = Mapping[str, pl.LazyFrame]

_DAY = 86_400
_NUM_VIDEOS = 4  # whose views are drawn one by one
_DAYS_SINCE_UPLOAD = 30
_MOST_EARLIER = 8  # impressions
_WATCHES_AFTER_SEARCH = 8
_SEARCH_SAMPLE = 50_000


def has(log: Log, table: str, *columns: str) -> bool:
    """Whether a log has a table with these columns."""
    return table in log and set(columns) <= set(log[table].collect_schema().names())


def _freshness(log: Log) -> Iterator[page.Section]:
    """Views by days since upload, of single videos and of all that are young."""
    if not has(log, schema.VIDEOS, schema.UPLOAD_TIME):
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
    found = ages.select(
        pl.col("age").quantile(q).alias(str(i)) for i, q in enumerate(quantiles)
    ).collect()
    series = {"watches": plots.Series(list(found.row(0)), quantiles.tolist())}
    return plots.lines(
        "Age of what is watched",
        series,
        "days since upload",
        "cumulative share of watches",
        log_x=True,
    )


def _pages(log: Log) -> Iterator[page.Section]:
    """Click rates by position, by earlier impressions and by source."""
    if not has(log, schema.IMPRESSIONS, schema.POSITION):
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
    if has(log, schema.IMPRESSIONS, schema.SOURCE):
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
    if not has(log, schema.WATCHES, schema.WATCH_SECONDS):
        return
    watches = log[schema.WATCHES]
    edges = np.geomspace(1.0, 14_400.0, 40)
    blocks = [_histogram(watches, schema.WATCH_SECONDS, edges)]
    if has(log, schema.VIDEOS, schema.DURATION_SECONDS):
        lengths = log[schema.VIDEOS].select(schema.VIDEO_ID, schema.DURATION_SECONDS)
        share = pl.col(schema.WATCH_SECONDS) / pl.col(schema.DURATION_SECONDS)
        fractions = watches.join(lengths, on=schema.VIDEO_ID).select(
            share.clip(0.0, 0.999).alias("fraction"),
            pl.col(schema.DURATION_SECONDS).log(2.0).floor().alias("octave"),
        )
        tenth = (pl.col("fraction") * 20).floor().cast(pl.Int64).alias("bin")
        found = fractions.group_by(tenth).len().collect(engine="streaming")
        counts = np.zeros(20)
        counts[found["bin"].to_numpy()] = found["len"].to_numpy()
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
    found = (
        frame.select((place / step).floor().cast(pl.Int64).alias("bin"))
        .group_by("bin")
        .len()
        .collect(engine="streaming")
    )
    counts = np.zeros(len(edges))
    counts[found["bin"].to_numpy()] = found["len"].to_numpy()
    x = (edges * np.exp(step / 2)).tolist()
    series = {"watches": plots.Series(x, (counts / counts.sum()).tolist())}
    return plots.lines(
        "Seconds watched", series, "seconds", "share of watches", log_x=True
    )


def _searching(log: Log) -> Iterator[page.Section]:
    """Whether the watches after a search share words with its query."""
    if not (has(log, schema.SEARCHES) and has(log, schema.VIDEOS, schema.TITLE)):
        return
    hits, chance = _shared_words(log)
    after = list(range(1, _WATCHES_AFTER_SEARCH + 1))
    series = {
        "after a search": plots.Series(after, hits),
        "any watch": plots.Series(after, [chance] * len(after)),
    }
    yield page.Section(
        "Searches before watches",
        "The share of watched videos with a word of the user's last search in the "
        "title, by the watches since; “any watch” pairs searches with other users' "
        "watches.",
        [
            plots.lines(
                "Words of the search in the title",
                series,
                "watches after the search",
                "share of watches",
                from_zero=True,
            )
        ],
    )


def _shared_words(log: Log) -> tuple[list[float], float]:
    """Returns the share by watches since the search, and that of strangers."""

    def tokens(column: str) -> pl.Expr:
        return pl.col(column).str.to_lowercase().str.extract_all(r"\w+")

    titles = log[schema.VIDEOS].select(
        schema.VIDEO_ID, tokens(schema.TITLE).alias("title_words")
    )
    watches = (
        log[schema.WATCHES]
        .select(schema.USER_ID, schema.TIME, schema.VIDEO_ID)
        .join(titles, on=schema.VIDEO_ID)
        .collect()
        .sort(schema.TIME)
    )
    searches = (
        log[schema.SEARCHES]
        .select(
            schema.USER_ID,
            schema.TIME,
            tokens(schema.QUERY).alias("query_words"),
            pl.col(schema.TIME).alias("searched"),
        )
        .collect()
        .sort(schema.TIME)
    )
    joined = watches.join_asof(
        searches, on=schema.TIME, by=schema.USER_ID, check_sortedness=False
    ).drop_nulls("searched")
    after = pl.col(schema.TIME).rank("ordinal").over(schema.USER_ID, "searched")
    joined = joined.with_columns(after.alias("after")).filter(
        pl.col("after") <= _WATCHES_AFTER_SEARCH
    )
    joined = joined.sort(schema.TIME, schema.USER_ID)
    words = pl.col("query_words").list.set_intersection("title_words")
    shared = words.list.len() > 0
    hits = joined.with_columns(shared.alias("shared"))
    by_after = hits.group_by("after").agg(pl.col("shared").mean()).sort("after")
    strangers = joined.head(_SEARCH_SAMPLE).with_columns(
        pl.col("title_words").shift(97, fill_value=[])
    )
    chance = strangers.select(shared.alias("shared"))["shared"].mean()
    return by_after["shared"].to_list(), float(chance or 0.0)  # type: ignore[arg-type]


ALL = (_freshness, _pages, _watch_time, _searching)
