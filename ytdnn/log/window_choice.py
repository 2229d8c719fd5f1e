"""Windows of the temporal protocol: where training ends and testing begins.

They are set by dates, else by a `split` column, else by shares of the watches. A log
may have impressions in only a small part of the time of its watches (MIND: a user's
history, then six days of impressions), so that the ranker's share of the watches has
none. Then the windows are shares of the impressions within the time of both tables. In
a log without impressions the candidates train up to the test window, in one with many
up to the last of them that a ranker needs.
"""

import dataclasses
import datetime
from collections.abc import Collection

import polars as pl

from ytdnn.base import configs, errors, formats, schema
from ytdnn.log import exact_quantiles, raw_log

Counts = exact_quantiles.Counts
DataConfig = configs.DataConfig

# Of the impressions that the ranker's window would hold if they were spread evenly
# over the watches' time; with fewer it is placed by the impressions' time.
_LEAST_OF_SHARE = 0.1
ENOUGH = 200_000  # impressions for a ranker; the candidates train on watches before
_LEAST = 0.25  # of the ranker's share, however many impressions that holds
_ALWAYS = -(2**62)  # before all seconds
_DATES = ("validation", "ranking", "test")
_LATE = "note: watches.split is not in order of time: training has later watches"


@dataclasses.dataclass(frozen=True)
class Windows:
    """Begins of the windows of the temporal protocol, seconds since the epoch."""

    validation: int
    ranking: int
    ranking_validation: int
    test: int


@dataclasses.dataclass(frozen=True)
class ChosenWindows:
    """Windows, with notes on them.

    Attributes:
      windows: The windows; None for a protocol without windows.
      notes: Lines to print.
      advice: Advice if the ranker has no impressions; else empty.
    """

    windows: Windows | None
    notes: tuple[str, ...] = ()
    advice: str = ""


def choose(
    config: DataConfig, watches: pl.LazyFrame, impressions: pl.LazyFrame | None = None
) -> ChosenWindows:
    """Returns the windows of a log; without windows if the protocol is not temporal.

    Args:
      config: The protocol.
      watches: Watches of the log.
      impressions: Impressions of the log; None: it has none.

    Raises:
      errors.UserError: The log's `split` column is missing or does not fit, or the
        settings leave a window empty.
    """
    has_split = schema.SPLIT in watches.collect_schema()
    begins = {name: _date(config, name) for name in _DATES}
    dates = {name: begin for name, begin in begins.items() if begin is not None}
    if dates and (config.protocol != "temporal" or has_split):
        name = f"data.{next(iter(dates))}_from"
        raise errors.UserError(
            f"expected {name} for data.protocol=temporal and a log without the column "
            f"{schema.WATCHES}.{schema.SPLIT}, found "
            f"{'that column' if has_split else config.protocol}: leave {name} out"
        )
    counted_from(config)  # a mistake of it is found here
    if config.protocol == "split":
        spans = _spans(watches) if has_split else {}
        _require_splits(spans)
        train, *held_out = (spans[name] for name in schema.SPLITS)
        is_late = config.has_times and train[1] >= min(held_out)[0]
        return ChosenWindows(None, (_LATE,) * is_late)
    if config.protocol != "temporal":
        return ChosenWindows(None)
    if has_split:
        return ChosenWindows(_given_windows(watches))
    times = Counts(watches, schema.TIME)
    shown = None
    if impressions is not None:
        shown = Counts(impressions, schema.TIME)
    return _by_times(config, times, shown, dates)


def _by_times(
    config: DataConfig, times: Counts, shown: Counts | None, dates: dict[str, int]
) -> ChosenWindows:
    """Returns windows by dates, by shares of watches, or of impressions.

    Without impressions there is no ranker, and its share trains the candidates.

    Raises:
      errors.UserError: Shares leave no training, or see `_dated` and `_shared`.
    """
    if not dates and config.test_fraction + config.ranking_fraction >= 1.0:
        raise errors.UserError(
            f"expected data.test_fraction + data.ranking_fraction < 1, found "
            f"{config.test_fraction} + {config.ranking_fraction}: lower one"
        )
    has_shown = shown is not None and shown.size > 0
    if not has_shown:
        config = dataclasses.replace(config, ranking_fraction=0.0)
    windows = _dated(config, times, dates) if dates else _shared(config, times)
    if shown is None or not has_shown:
        return ChosenWindows(windows)
    edges = [windows.ranking, windows.ranking_validation]
    before, until = shown.num_below(edges)
    number, total = until - before, shown.size
    share = config.ranking_fraction * (1.0 - config.validation_fraction)
    advice = _advice(config, times, shown)
    if dates:
        return ChosenWindows(windows, advice=advice)
    if number > _LEAST_OF_SHARE * share * total:
        windows = _shortened(config, windows, times, shown)
        return ChosenWindows(windows, advice=advice)
    other = _shares_of_impressions(config, times, shown)
    if other is None:
        return ChosenWindows(windows, advice=advice)
    note = (
        f"note: the ranker's share of the watches, {formats.day(edges[0])} to "
        f"{formats.day(edges[1])}, holds {number:,} of {total:,} impressions to train "
        f"on, so the windows are shares of the impressions at the time of watches"
    )
    other = _shortened(config, other, times, shown)
    return ChosenWindows(other, notes=(note,), advice=advice)


def _shortened(
    config: DataConfig, windows: Windows, times: Counts, shown: Counts
) -> Windows:
    """Returns windows of which the ranker's holds no more impressions than enough."""
    (until,) = shown.num_below([windows.test])
    if until <= ENOUGH:
        return windows
    (begin,) = shown.at_ranks([until - ENOUGH])
    begin = min(begin, _last_share(times, windows.ranking, windows.test, _LEAST))
    if begin <= windows.ranking:
        return windows
    share, (first,) = config.validation_fraction, times.nearest([0.0])
    return Windows(
        validation=_last_share(times, first, begin, share),
        ranking=begin,
        ranking_validation=_last_share(times, begin, windows.test, share),
        test=windows.test,
    )


def _shares_of_impressions(
    config: DataConfig, times: Counts, shown: Counts
) -> Windows | None:
    """Returns windows within the time that both tables cover; None if it is empty.

    The ranker's window and the test have their shares of the impressions between the
    first and the last watch; the candidates validate on their share of the earlier
    watches.
    """
    first, last = times.nearest([0.0, 1.0])
    low, high = shown.num_below([first, last + 1])
    number = high - low
    if not number:
        return None
    training = 1.0 - config.test_fraction - config.ranking_fraction
    held_out = config.ranking_fraction * config.validation_fraction
    shares = [training, 1.0 - config.test_fraction - held_out]
    shares.append(1.0 - config.test_fraction)
    ranks = [low + int((number - 1) * share + 0.5) for share in shares]
    ranking, validated, test = shown.at_ranks(ranks)
    validation = _last_share(times, first, ranking, config.validation_fraction)
    is_ordered = first < validation < ranking < validated < test <= last
    return Windows(validation, ranking, validated, test) if is_ordered else None


def _dated(config: DataConfig, times: Counts, dates: dict[str, int]) -> Windows:
    """Returns windows that begin at the set dates; others by shares of watches.

    Raises:
      errors.UserError: A window has no time, or the first one no watches.
    """
    share = config.test_fraction
    first, last = times.nearest([0.0, 1.0])
    test = dates.get("test", _last_share(times, first, last + 1, share))
    share = config.ranking_fraction / (1.0 - share)
    ranking = dates.get("ranking", _last_share(times, first, test, share))
    share = config.validation_fraction
    validated = _last_share(times, ranking, test, share)
    validation = dates.get("validation", _last_share(times, first, ranking, share))
    windows = Windows(validation, ranking, validated, test)
    if not first < validation <= ranking <= validated <= test <= last:
        said = ", ".join(
            f"{name} {formats.minute(start)}"
            for name, start in dataclasses.asdict(windows).items()
        )
        raise errors.UserError(
            f"expected windows that follow each other between the first watch "
            f"({formats.minute(first)}) and the last ({formats.minute(last)}), "
            f"received {said}: change data.{next(iter(dates))}_from"
        )
    return windows


def _last_share(times: Counts, start: int, stop: int, share: float) -> int:
    """Returns where the last share of the watches of a window begins; of 0 its end."""
    low, high = times.num_below([start, stop])
    if high <= low or not share:
        return start if share else stop
    rank = low + int((high - low - 1) * (1.0 - share) + 0.5)
    (begin,) = times.at_ranks([rank])
    return begin


def counted_from(config: DataConfig) -> int:
    """Returns the second from which counts by time begin.

    Raises:
      errors.UserError: The value is not a date.
    """
    begin = _date(config, "counters")
    return _ALWAYS if begin is None else begin


def _date(config: DataConfig, name: str) -> int | None:
    """Returns a configured begin, None if it is not set.

    Raises:
      errors.UserError: The value is not a date.
    """
    text = getattr(config, f"{name}_from")
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise errors.UserError(
            f"expected data.{name}_from as 2022-04-29 or "
            f"2022-04-29T00:00:00+08:00, received {text!r}: give a date"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return int(moment.timestamp())


def _advice(config: DataConfig, times: Counts, shown: Counts) -> str:
    """Returns the times of the tables' events, and the setting for a window."""
    first, last = times.nearest([0.0, 1.0])
    begin, end = shown.nearest([0.0, 1.0])
    said = (
        f"impressions lie from {formats.minute(begin)} to {formats.minute(end)}, "
        f"watches from {formats.minute(first)} to {formats.minute(last)}"
    )
    if begin > last and not config.clicks_are_watches:
        return (
            f"{said}: --config.data.clicks_are_watches=true makes clicks watches too, "
            f"so that windows can lie among the impressions"
        )
    if begin > last or end < first:
        return f"{said}: check the times of both tables, which must overlap"
    return (
        f"{said}: set where the windows begin, --config.data.ranking_from=DATE and "
        f"--config.data.test_from=DATE, so that there are impressions between"
    )


def _shared(config: DataConfig, times: Counts) -> Windows:
    """Returns windows with the configured shares of the watches.

    Raises:
      errors.UserError: All watches share one time.
    """
    training = 1.0 - config.test_fraction - config.ranking_fraction
    held_out = config.validation_fraction
    shares = {
        "validation": training * (1.0 - held_out),
        "ranking": training,
        "ranking_validation": training + config.ranking_fraction * (1.0 - held_out),
        "test": training + config.ranking_fraction,
    }
    first, *edges = times.nearest([0.0, *shares.values()])
    windows = Windows(**dict(zip(shares, edges, strict=True)))
    if windows.validation <= first:
        (number,) = times.num_below([first + 1])
        raise errors.UserError(
            f"expected watches at several times for data.protocol=temporal, found "
            f"{number:,} of {times.size:,} at {first}, the first second, and the "
            f"training window empty: use --protocol=leave_one_out"
        )
    return windows


def _given_windows(watches: pl.LazyFrame) -> Windows:
    """Returns the windows of a `split` column that is in order of time.

    Both stages train on `train` and validate on `validation`: the ranker has no
    window of its own.

    Raises:
      errors.UserError: A split is missing, or one overlaps with a later one in time.
    """
    spans = _spans(watches)
    _require_splits(spans)
    train, validation, test = schema.SPLITS
    for before, after in ((train, test), (train, validation), (validation, test)):
        start = spans[after][0]
        if spans[before][1] < start:
            continue
        late = (pl.col(schema.SPLIT) == before) & (pl.col(schema.TIME) >= start)
        number = raw_log.num_rows(watches.filter(late))
        raise errors.UserError(
            f"expected {schema.WATCHES}.{schema.SPLIT} in order of time for "
            f"data.protocol=temporal, found {number:,} {before} watches at or after "
            f"the first {after} watch (time {start}), as a random split has: a model "
            f"would learn from events after its test; split by time, or use "
            f"--protocol=split"
        )
    return Windows(
        validation=spans[validation][0],
        ranking=min(first for first, _ in spans.values()),
        ranking_validation=spans[validation][0],
        test=spans[test][0],
    )


def _spans(watches: pl.LazyFrame) -> dict[str, tuple[int, int]]:
    """Returns first and last time of each value of the `split` column."""
    time = pl.col(schema.TIME)
    grouped = watches.group_by(schema.SPLIT)
    bounds = grouped.agg(time.min().alias("first"), time.max().alias("last"))
    rows = bounds.collect(engine="streaming").iter_rows()
    return {name: (first, last) for name, first, last in rows}


def _require_splits(splits: Collection[str]) -> None:
    """Checks that a `split` column has watches of every kind.

    Raises:
      errors.UserError: A split has no watches.
    """
    missing = [name for name in schema.SPLITS if name not in splits]
    if missing:
        raise errors.UserError(
            f"expected column {schema.WATCHES}.{schema.SPLIT} with "
            f"{', '.join(schema.SPLITS)}, found no {' and no '.join(missing)}: mark "
            f"some watches with it (--columns={schema.WATCHES}.{schema.SPLIT}="
            f"YOUR_COLUMN), or use another protocol"
        )
