"""Warnings about the events of a log: legal, but unlikely; each a line with advice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from polars import selectors

from ytdnn.base import configs, formats, ragged, schema
from ytdnn.log import events, exact_quantiles, window_choice
from ytdnn.log.sources import units

# Seconds: earlier watches are times of another unit more often than history.
_YEAR_2000 = 946_684_800
_FAR, YEAR = 5, 365 * schema.DAY_SECONDS  # that no watch is from most of the others
_WINDOWS = {events.Split.TRAIN: "training", events.Split.VALIDATION: "validation"}
_MIDDLE = (0.01, 0.99)
_SplitOf = Callable[[events.Impressions], np.ndarray]
_MOST_SHARE = 0.5  # from which an oddity is the rule in the log
_MANY_REPEATS = 0.2  # of the watches, from which repeating is a habit
_LEAST_WATCHES = 200  # of which that can be said
_MANY = 0.05  # of the rows, from which an oddity is no accident
_CLOSE, _MOST_CLOSE = 0.2, 0.8  # hours to a whole hour; share from which it is a rule
_SAMPLE = 10_000  # clicks of a shard
_EARLY = "watches are over a day before the upload of the video: check upload_time"
_VIEWED = "impressions without a click have watch seconds, which the ranker leaves out"
NONE_INSIDE = " lies in"  # says the obstacle that other windows would remove
_LARGE_FLOAT = r"^-?\d{16,}\.0*$|^-?\d(\.\d+)?[eE]\+?\d+$"
_NO_IDS = ("null", "none", "nan", "na", "n/a", "nil", "undefined", "\\n")
# Zero-width marks inside an id are rare, joiners inside a name are not.
_INVISIBLE = r"""^[\s\p{Z}\p{Cf}"']+|[\s\p{Z}\p{Cf}"']+$|[\x{200B}\x{FEFF}\p{Cc}]"""
_MOST_NAMED = 3  # ids of a note
FEWEST_USERS, _FEWEST_ROWS = 10, 10  # of which something is said
# Of the rows, counted to some percent; of the watches, where a user seems several.
_ALL, _MOST_OF_ONE = 0.95, 0.25
_NO_LENGTH = "videos have a duration of 0 seconds: leave unknown ones empty"
_SHORT = "watches are not completed, and no labels: see data.min_watch_seconds"
_NO_DIFFERENCE = "from which nothing is learned: check the column, or leave it out"
_DIFFERING = "have user, video and second of another, and other values: all count"
UNWATCHED_CLICKS = "clicked impressions are of videos that the user has no watch of"


def from_watches(
    watches: pl.LazyFrame, config: configs.DataConfig | None = None
) -> list[str]:
    """Returns a line for each warning about the times of watches.

    Args:
      watches: The watches.
      config: Settings of the counters; None: the defaults.
    """
    times = exact_quantiles.Counts(watches, schema.TIME)
    first, last, low, high = times.nearest([0.0, 1.0, *_MIDDLE])
    lines = []
    if high < _YEAR_2000:
        lines.append(
            f"note: the watches lie between {formats.day(low)} and "
            f"{formats.day(high)}, before the year 2000: give seconds since 1970 or "
            f"ISO text"
        )
    elif max(last - high, low - first) > max(_FAR * (high - low), YEAR):
        lines.append(
            f"note: the watches lie between {formats.day(first)} and "
            f"{formats.day(last)}, 98% of them between {formats.day(low)} and "
            f"{formats.day(high)}: leave out wrong times by --where, since windows and "
            f"the time of serving follow from the first and the last"
        )
    elif last - first < schema.DAY_SECONDS:
        lines.append(
            f"note: all watches lie within {(last - first) / 3600:,.1f} hours: check "
            f"the unit of watches.time; splits by time need days "
            f"(--protocol=leave_one_out needs none)"
        )
    config = config or configs.DataConfig()
    counted = max(first, window_choice.counted_from(config))
    if counted + config.counters_delay_seconds > last:
        lines.append(
            f"note: counters count no watch up to the last, {formats.minute(last)}: "
            f"check data.counters_from and data.counters_delay_seconds"
        )
    return lines


def odd_ids(ids: pl.Series) -> list[str]:
    """Returns lines about words for no id, odd characters, and two Unicode forms.

    Args:
      ids: Distinct ids, named by their column.
    """
    if ids.dtype != pl.String:
        return []
    plain = ids.str.replace_all(_INVISIBLE, "")
    is_none = plain.str.to_lowercase().is_in(_NO_IDS)
    odd = ids.filter((plain != ids) | is_none | ids.str.contains(_LARGE_FLOAT))
    named = [repr(each) for each in odd.head(_MOST_NAMED)]
    number = f"note: {len(odd):,} {ids.name}s look wrong, such as {', '.join(named)}"
    advice = (
        "leave out rows without an id by --where; mend blanks, quotes and invisible "
        "marks in the files; write large floats, which may be one, as integers"
    )
    lines = [f"{number}, and are read as any other: {advice}"] if named else []
    forms = ids.filter(ids.str.len_bytes() > ids.str.len_chars()).str.normalize("NFC")
    if len(twice := forms.filter(forms.is_duplicated()).unique()):
        number = f"note: {len(twice):,} {ids.name}s are in two Unicode forms, such as "
        lines.append(f"{number}{twice[0]!r}, and are two ids: write all in one, as NFC")
    return lines


def single_values(table: str, rows: pl.DataFrame) -> Iterator[str]:
    """Yields a line for each value that all known ones of columns of numbers have.

    Args:
      table: Name of the table.
      rows: Its rows; of fewer than ten, only zeros are told.
    """
    names: dict[float, list[str]] = {}
    for values in map(pl.Series.drop_nulls, rows.select(selectors.numeric())):
        is_one = len(values) > 0 and values.min() == values.max()
        if is_one and (values[0] == 0 or len(values) >= _FEWEST_ROWS):
            names.setdefault(values[0], []).append(f"{table}.{values.name}")
    for value, columns in names.items():
        yield f"note: {', '.join(columns)}: every value is {value:g}, {_NO_DIFFERENCE}"


def from_tables(tables: Mapping[str, pl.LazyFrame]) -> Iterator[str]:
    """Yields a line for each warning about columns of watches and impressions.

    Args:
      tables: The tables of the log.
    """
    time, page, user = map(pl.col, (schema.TIME, schema.PAGE_ID, schema.USER_ID))
    watches, shown = tables[schema.WATCHES], tables.get(schema.IMPRESSIONS)
    ends = {"n": pl.len(), "first": time.min(), "last": time.max()}
    counted = watches.group_by(user).agg(**ends).sort("n", user)
    users = counted.collect(engine="streaming")
    share = users["n"][-1] / users["n"].sum()
    if users.height >= FEWEST_USERS and share > _MOST_OF_ONE:
        yield (
            f"note: {share:.0%} of the watches are of user {users.row(-1)[0]!r}: leave "
            f"its rows out by --where if it is all who have no id"
        )
    yield from single_values(schema.WATCHES, _ends(watches, _FEWEST_ROWS))
    if shown is None:
        return
    # Propensities of one value are those of a random order.
    yield from single_values(schema.IMPRESSIONS, _ends(shown, 1))
    apart = ~time.is_between(users["first"].min(), users["last"].max())
    outside = shown.select(apart.mean()).collect(engine="streaming").item() or 0.0
    if outside > _MOST_SHARE:
        yield (
            f"note: {outside:.0%} of the impressions lie before the first watch or "
            f"after the last: check impressions.time"
        )
    if schema.PAGE_ID in shown.collect_schema():
        of_users = (user.hash(0) ^ page.hash(1)).approx_n_unique().alias("of_users")
        ids = shown.drop_nulls(schema.PAGE_ID)
        counts = ids.select(pl.len(), of_users, page.approx_n_unique())
        number, own, pages = counts.collect(engine="streaming").row(0)
        is_shared = pages < _MOST_CLOSE * own
        whose = "of several users" if is_shared else "of a single impression"
        if number >= _LEAST_WATCHES and (is_shared or pages > _ALL * number):
            yield (
                f"note: each page_id is {whose}, and should be of the videos that a "
                f"user saw at once: check impressions.page_id, or leave it out"
            )


def _ends(rows: pl.LazyFrame, times: int) -> pl.DataFrame:
    """Returns the least and the greatest of numbers, both so many times."""
    names = (schema.WATCH_SECONDS, schema.PROPENSITY, schema.POSITION)
    numbers = rows.select(selectors.by_name(*names, require_all=False))
    return pl.concat([numbers.min(), numbers.max()] * times).collect(engine="streaming")


def few_users(number: int) -> list[str]:
    """Returns a line where a log has fewer users than a recommender is made for.

    Args:
      number: Number of users.
    """
    said = f"note: the log has only {formats.counted(number, 'user')}: check that "
    what = "watches.user_id is a column of users, not of devices or plans"
    return [said + what] * (number < FEWEST_USERS)


def from_shards(
    videos: pl.DataFrame,
    shards: Iterable[events.LazyShard],
    outcomes: Sequence[str] = (),
) -> list[str]:
    """Returns a line for each warning about the events of a prepared set.

    Args:
      videos: The catalogue (see `PreparedData.videos`).
      shards: The events.
      outcomes: Names of the outcomes of impressions.
    """
    happened, viewed = np.zeros((2, len(outcomes)), np.int64), np.zeros(2, np.int64)
    number = repeats = unwatched = clicks = early = short = 0
    differing = dict.fromkeys((schema.WATCHES, schema.IMPRESSIONS), 0)
    unknown = pl.zeros(videos.height, pl.Int64, eager=True)
    uploads = videos.get_column(schema.UPLOAD_TIME, default=unknown).fill_null(0)
    earliest = np.append(0, uploads.to_numpy() - schema.DAY_SECONDS)  # of any zone
    lengths = videos.get_column(schema.DURATION_SECONDS, default=pl.Series([1.0]))
    ratios, shown_ratios, lags = ([np.zeros(0, np.float32)] for _ in range(3))
    stride = np.int64(videos.height + 1)
    for shard in shards:
        loaded = shard.read()
        keys = loaded.watches.users * stride + loaded.watches.videos
        watched, first, count = np.unique(keys, return_index=True, return_counts=True)
        number += len(keys)
        short += len(keys) - int(loaded.watches.are_completed.sum())
        repeats += len(keys) - len(watched)
        ratios.append(_ratios(videos, loaded.watches))
        early += int((loaded.watches.times < earliest[loaded.watches.videos]).sum())
        differing[schema.WATCHES] += _num_differing(loaded.watches)
        if (shown := loaded.impressions) is not None:
            differing[schema.IMPRESSIONS] += _num_differing(shown)
            clicked = np.asarray(shown.clicked)
            shown_ratios.append(_ratios(videos, shown))
            clicked_keys = (shown.users * stride + shown.videos)[clicked]
            unwatched += int((~ragged.are_among(clicked_keys, watched)).sum())
            clicks += len(clicked_keys)
            if shown.seconds is not None:
                viewed[0] += (np.asarray(shown.seconds)[~clicked] > 0.0).sum()
            viewed[1] += (~clicked).sum()
            once, clicked_times = count == 1, np.asarray(shown.times)[clicked]
            _, one, click = np.intersect1d(watched[once], clicked_keys, False, True)
            watch_times = np.asarray(loaded.watches.times)[first[once][one]]
            lags.append((watch_times - clicked_times[click])[:_SAMPLE])
            if shown.outcomes is not None:
                values = np.asarray(shown.outcomes) > 0.0
                happened += values.sum(axis=0), values[~clicked].sum(axis=0)
    return [
        *_long_watches(np.concatenate(ratios), schema.WATCHES),
        *_long_watches(np.concatenate(shown_ratios), schema.IMPRESSIONS),
        *_unsplit(videos),
        *_often(_EARLY, early, number),
        *_often(_SHORT, short, number),
        *_often(_NO_LENGTH, int((lengths == 0).sum()), videos.height),
        *_often(_VIEWED, *viewed.tolist()),
        *_unwatched_clicks(unwatched, clicks),
        *_hours_apart(np.concatenate(lags) / 3_600),
        *_unclicked_outcomes(outcomes, happened),
        *_repeated_watches(repeats, number),
        *(f"note: {n:,} {table} {_DIFFERING}" for table, n in differing.items() if n),
    ]


def _num_differing(rows: events.Watches | events.Impressions) -> int:
    """Returns how often a user, video and second come again with other values."""
    same = (np.diff(rows.users) == 0) & (np.diff(rows.times) == 0)
    near = np.append(same, False) | np.append(False, same)
    keys = ("users", "videos", "times")
    columns = {n: getattr(rows, n, None) for n in (*keys, "seconds", "clicked")}
    known = {n: np.asarray(v)[near] for n, v in columns.items() if v is not None}
    frame = pl.DataFrame(known).filter(pl.struct(keys).hash().is_duplicated())
    return frame.n_unique() - frame.n_unique(keys)


def _ratios(
    videos: pl.DataFrame, watches: events.Watches | events.Impressions
) -> np.ndarray:
    """Returns watch seconds as shares of the durations, where both are."""
    if watches.seconds is None or schema.DURATION_SECONDS not in videos.columns:
        return np.zeros(0, np.float32)
    seconds = videos[schema.DURATION_SECONDS].fill_null(np.nan).to_numpy()
    durations = np.append(np.nan, seconds)[watches.videos]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.asarray(watches.seconds) / durations
    return ratios[np.isfinite(ratios) & (ratios > 0)].astype(np.float32)


def _unsplit(videos: pl.DataFrame) -> Iterator[str]:
    for column in videos.select(selectors.by_dtype(pl.List(pl.String))):
        if column.list.len().max() == 1:
            words = f"videos.{column.name}: no video has several values"
            yield f"note: {words}, check the separator behind `split`"


def _often(words: str, odd: int, number: int) -> list[str]:
    return [f"note: {odd:,} of {number:,} {words}"] * (odd > _MANY * number)


def _long_watches(ratios: np.ndarray, table: str) -> Iterator[str]:
    share = float((ratios > 1.001).mean()) if len(ratios) else 0.0
    middle = float(np.median(ratios)) if len(ratios) else 1.0
    pair = units.likely_units(middle, table)
    if not pair and share <= _MOST_SHARE:
        return
    guess = f", probably --columns={pair}" if pair else ""
    yield (
        f"note: {table}.watch_seconds are {middle:.3g} times the duration of the video "
        f"in the median of {len(ratios):,} rows, and above it in {share:.0%}: are both "
        f"of one unit{guess}?"
    )


def _hours_apart(lags: np.ndarray) -> Iterator[str]:
    """Yields a line where watches are whole hours from their clicks.

    Args:
      lags: Hours from clicked impressions to the only watch of user and video.
    """
    hours = np.round(lags)
    hour = round(np.median(lags)) if len(lags) >= _LEAST_WATCHES else 0
    # Summer time moves some of them by an hour.
    is_apart = (abs(lags - hours) < _CLOSE) & (abs(hours - hour) <= 1) & (hours != 0)
    if hour and is_apart.mean() > _MOST_CLOSE:
        yield (
            f"note: watches.time seems {formats.counted(abs(hour), 'hour')} "
            f"{'behind' if hour < 0 else 'ahead of'} impressions.time, in "
            f"{is_apart.mean():.0%} of {len(lags):,} watches of clicked videos: write "
            f"times with their zone, as in 2024-05-01T12:00:00+02:00, or shift them, "
            f"--columns='watches.time=YOUR_COLUMN {-hour:+}h'"
        )


def _unwatched_clicks(without: int, number: int) -> Iterator[str]:
    if number and without > _MOST_SHARE * number:
        yield (
            f"note: {without:,} of {number:,} {UNWATCHED_CLICKS}: if a click is a "
            f"watch, set --config.data.clicks_are_watches=true; else check that "
            f"{schema.WATCHES} and {schema.IMPRESSIONS} are of the same users and days"
        )


def _unclicked_outcomes(names: Sequence[str], happened: np.ndarray) -> Iterator[str]:
    for name, number, unclicked in zip(names, *happened.tolist(), strict=True):
        # What is disliked may well not be clicked.
        if name != schema.DISLIKED and unclicked > _MOST_SHARE * number:
            yield (
                f"note: {unclicked:,} of {number:,} impressions with {name} were not "
                f"clicked: check that impressions.{name} is of this impression, not of "
                f"the video"
            )


def _repeated_watches(repeats: int, number: int) -> Iterator[str]:
    if number >= _LEAST_WATCHES and repeats > _MANY_REPEATS * number:
        yield (
            f"note: {repeats / number:.0%} of the watches are of a video the user had "
            f"watched before, and by default no list holds one: "
            f"`ytdnn train --workdir=… --repeats` keeps them in lists and answers"
        )


def _shown_and_clicked(
    shards: Iterable[events.LazyShard], splits_of: _SplitOf
) -> np.ndarray | None:
    """Returns the number of unclicked and clicked impressions of each split.

    Args:
      shards: The events.
      splits_of: Function that returns the split of each impression.

    Returns:
      `[2, splits] int64`; None without impressions.
    """
    number, total = len(events.Split), None
    for table in (shard.read().impressions for shard in shards):
        if table is not None:
            cells = np.asarray(table.clicked) * np.int64(number) + splits_of(table)
            counts = np.bincount(cells, minlength=2 * number).reshape(2, number)
            total = counts if total is None else total + counts
    return total


def ranking_obstacle(
    shards: Iterable[events.LazyShard],
    splits_of: _SplitOf = lambda table: np.asarray(table.splits),
    needed: Sequence[events.Split] = tuple(_WINDOWS),
) -> str:
    """Returns why no ranker can be trained on a log; empty if one can.

    Args:
      shards: The events.
      splits_of: Function that returns the split of each impression, see `events.Split`.
      needed: Windows that must have impressions.
    """
    shown = _shown_and_clicked(shards, splits_of)
    if shown is None:
        return "the log has no impressions"
    if not shown.sum():
        return "impressions has no rows"
    for split in needed:
        skipped, clicked = shown[:, split].tolist()
        window = f"its {_WINDOWS[split]} window"
        if not skipped + clicked:
            return f"none of the {shown.sum():,} impressions{NONE_INSIDE} {window}"
        if split == events.Split.TRAIN and not (skipped and clicked):
            which = "all" if clicked else "none"
            number = f"{skipped + clicked:,} impressions"
            advice = ": impressions needs a row for each video shown, clicked or not"
            said = f"{which} of the {number} in {window} were clicked"
            return said + advice * bool(clicked)
    return ""
