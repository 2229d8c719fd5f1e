"""The table that `prepare` ends with: columns, examples of each model, notes."""

import io
import re
import textwrap
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import polars as pl
from rich import console

from ytdnn.base import configs, errors, formats, schema, table_schemas
from ytdnn.evaluation import tables
from ytdnn.log import events, outcomes, prepared, raw_log, split_windows, vectors
from ytdnn.log.sources import multi_valued, naming

PreparedData = prepared.PreparedData

_WIDTH = 120
_SHORT = textwrap.TextWrapper(80, break_long_words=False, break_on_hyphens=False)
_ACTED_ON = ("watches: ", "note: ", "dropped: ")  # starts of the lines kept in short
_OWN_SHOWN = 5  # columns in the example of a command
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # of requests, without quotes
_LIST = r"^\s*\[\s*[-+.\d]"  # the beginning of one of numbers
_Split, _RANKER = events.Split, configs.RankingConfig()


def lines(
    data: PreparedData,
    named: Collection[str] = (),
    workdir: str = "…",
    is_full: bool = True,
) -> list[str]:
    """Returns the table of a prepared set's log, and the notes below it.

    Args:
      data: The prepared set.
      named: The user's columns that are features already, such as "users.plan".
      workdir: Directory of the run, for the commands of notes.
      is_full: Whether all is returned, not only the number of watches and what a user
        may have to correct, in short lines.
    """
    there = [t for t in table_schemas.TABLES if t in data.catalogue.facts["rows"]]
    columns = [_Columns(data, table, named) for table in there]
    own = [name for column in columns for name in column.keys if name not in named]
    lists = [name for name in own if _holds_lists(data, name)]
    own = [name for name in own if name not in lists]
    notes = [
        *_notes(data, is_full),
        *_lists_note(lists),
        *_own_note(own, named, workdir),
        *_models(data),
    ]
    if not is_full:
        every = [f"{c.table}.{n}" for c in columns for n in (*c.features, *c.unused)]
        meant = [name for name in every if "did you mean" in name]
        notes += [f"note: columns of unknown names: {', '.join(meant)}"] * bool(meant)
        return [_SHORT.fill(line) for line in notes if line.startswith(_ACTED_ON)]
    rows: list[list[tables.Cell]] = [
        [
            column.table,
            data.catalogue.facts["rows"][column.table],
            ", ".join([*column.used, *column.features]),
            ", ".join(column.unused),
        ]
        for column in columns
    ]
    headings = ["table", "rows", "columns used", "columns not used"]
    table = tables.Table(headings, rows, words=(0, 2, 3))
    # In a notebook rich would show the table instead of writing it, and write codes of
    # colours, which ipykernel asks for.
    screen = console.Console(
        width=_WIDTH, file=io.StringIO(), color_system=None, force_jupyter=False
    )
    screen.print(tables.draw(table, _WIDTH))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    drawn = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [*drawn, *notes]


class _Columns:
    """The columns of a table of the log.

    Attributes:
      table: Name of the table.
      used: Columns of the schema, with their missing values, and vectors.
      features: The user's columns that are features, or are split into values, or by
        default of the ranker, with the column that was perhaps meant.
      unused: Columns that nothing reads, likewise.
      keys: The user's columns that can become features, `TABLE.COLUMN`.
    """

    def __init__(self, data: PreparedData, table: str, named: Collection[str]) -> None:
        """Sorts the columns of a table by their use."""
        self.table, prefix, catalogue = table, f"{table}.", data.catalogue
        facts, widths = catalogue.facts, catalogue.vectors.widths
        known = table_schemas.TABLES[table].names
        if table == schema.IMPRESSIONS:
            known = [*known, *(outcome.name for outcome in catalogue.outcomes)]
        logged = [name for name in facts["log_columns"] if name in catalogue.columns]
        present = [n.removeprefix(prefix) for n in logged if n.startswith(prefix)]
        plain = [name for name in present if prefix + name not in widths]
        missing = facts["missing"].get(table, {})
        lacks = {name: f" ({number:,} missing)" for name, number in missing.items()}
        self.used = [name + lacks.get(name, "") for name in plain if name in known]
        self.used += [
            f"{name.removeprefix(prefix)} (vectors of {widths[name]:,})"
            for name in catalogue.vectors.in_table(table)
        ]
        own = [name for name in plain if name not in known]
        used = {*named, *multi_valued.split_columns(facts.get("columns", ()))}
        self.features = [name for name in own if prefix + name in used]
        others = [name for name in own if name not in self.features]
        # Where two tables are one file, a column that the other reads has its meaning.
        mapped = {entry.partition("=")[2] for entry in facts.get("columns", ())}
        free = [name for name in known if name not in present]
        self.unused: list[str] = []
        has_ranker = bool(others) and not data.windows.ranker_left_out(_RANKER)
        read, uses = _read_by_ranker(data) if has_ranker else ((), {})
        self.keys = [
            prefix + name
            for name in own
            if _KEY.fullmatch(name) and name not in schema.REQUEST_KEYS
            if not has_ranker or prefix + name in (*read, *used)
        ]
        for name in [*facts["unused"].get(table, ()), *others]:
            close = "" if name in mapped else naming.meant([name], free)[1]
            is_own = has_ranker and name in others
            is_read = is_own and prefix + name in read
            hint = f" ({uses.get(prefix + name, 'no feature')})" * is_own
            hint += f" (did you mean {close}?)" * bool(close)
            listed = self.features if is_read else self.unused
            listed.append(errors.one_line(name) + hint)


def _read_by_ranker(data: PreparedData) -> tuple[tuple[str, ...], dict[str, str]]:
    """Returns own columns that the ranker reads by default, and uses of columns."""
    from ytdnn.features import own_columns  # imports TensorFlow

    ranker = own_columns.find(data, _RANKER.own_columns)
    uses = {name: "left out: may know the future" for name, _ in ranker.foreseeing}
    return ranker.read, uses | dict.fromkeys(ranker.read, "ranker")


def _holds_lists(data: PreparedData, name: str) -> bool:
    """Whether a user's column, such as "videos.clip", holds lists of numbers as text.

    Its first value decides.
    """
    table, _, column = name.partition(".")
    frame = data.users if table == schema.USERS else data.videos
    first = frame[column].drop_nulls().head(1)
    return first.dtype == pl.String and bool(first.str.contains(_LIST).any())


def _lists_note(names: list[str]) -> Iterator[str]:
    if names:
        yield (
            f"note: {raw_log.brief(', '.join(names))}: lists of numbers, written as "
            f"text: in Parquet a column of lists is a vector"
        )


def _own_note(own: list[str], named: Collection[str], workdir: str) -> Iterator[str]:
    of_users = [name for name in own if name.partition(".")[0] == schema.USERS]
    if of_users:
        names = ",".join((*sorted(named), *of_users[:_OWN_SHOWN]))
        yield (
            f"note: the ranker reads columns of your own, the candidate network "
            f"those of users by name: ytdnn train --workdir={workdir} "
            f"--features={names}"
        )


def _notes(data: PreparedData, is_full: bool) -> Iterator[str]:
    """Yields notes on the log: units, ids, dropped and doubled rows.

    Args:
      data: The prepared set.
      is_full: Whether a few ids of a table without a watch have a note, too.
    """
    facts = data.manifest.facts
    for outcome in data.catalogue.outcomes:
        is_amount = outcome.kind == outcomes.AMOUNT
        mean = f"mean {outcome.mean:.4g}" if is_amount else f"{outcome.mean:.2%} true"
        yield f"outcome {outcome.name}: {outcome.num_known:,} known, {mean}"
        if outcome.mean >= outcome.largest * (1.0 - 1e-9):  # all are alike
            values = "one value" if outcome.num_known else "no value"
            yield f"note: impressions.{outcome.name} has {values}: nothing to learn"
    places: dict[str, list[str]] = {}  # of each note
    for note in (note for notes in facts["notes"].values() for note in notes):
        place, mark, text = note.partition(": ")
        places.setdefault(mark + text, []).append(place)
    yield from (f"note: {', '.join(those)}{text}" for text, those in places.items())
    for text in facts["unmatched"]:
        if is_full or 2 * text["number"] > text["of"]:
            yield (
                f"note: {text['number']:,} of {text['of']:,} ids of {text['table']}."
                f"{text['column']} have no watch"
            )
    for reason, count in facts["bad_rows"].items():
        what = "kept" if reason.endswith("(kept)") else "dropped"
        yield f"{what}: {reason.removesuffix(' (kept)')}: {count:,} rows"
    for table, count in facts["left_out"].items():
        yield (
            f"dropped: {table}: {count:,} rows of users or videos with too few watches "
            f"(data.min_user_count, data.min_item_count)"
        )
    if facts.get("searches_without_words"):
        number = facts["searches_without_words"]
        yield f"dropped: searches: {number:,} rows whose query has no word"
    sizes = {schema.USERS: data.num_users, schema.VIDEOS: data.num_videos}
    yield from vectors.lines(facts, sizes)
    yield from facts.get("warnings", ())


def counts(data: PreparedData) -> dict[str, Any]:
    """Returns the span of time, and the number of events of each split."""
    first, last, users, clicks = np.iinfo(np.int64).max, 0, 0, 0
    is_watched = np.zeros(data.num_videos + 1, bool)
    watches, shown = np.zeros((2, len(_Split)), np.int64)
    for shard in data.log.shards:
        read = shard.read()
        times = np.asarray(read.watches.times)
        first = min(first, int(times.min(initial=first)))
        last = max(last, int(times.max(initial=last)))
        watches += np.bincount(read.watches.splits, minlength=len(_Split))
        is_watched[np.asarray(read.watches.videos)] = True
        users += int((np.diff(read.watches.offsets) > 0).sum())
        if read.impressions is not None:
            splits = np.asarray(read.impressions.splits)
            shown += np.bincount(splits, minlength=len(_Split))
            clicked = np.asarray(read.impressions.clicked)
            clicks += int(clicked[splits == _Split.TRAIN].sum())
    names = [split.name.lower() for split in _Split]
    return {
        "first_time": first,
        "last_time": last,
        "users": users,
        "videos": int(is_watched[1:].sum()),
        "watches": dict(zip(names, watches.tolist(), strict=True)),
        "impressions": dict(zip(names, shown.tolist(), strict=True)),
        "training_clicks": clicks,
    }


def _models(data: PreparedData) -> Iterator[str]:
    """Yields the span of time, and the training and test sizes of each model."""
    sizes = counts(data)
    first, last, users = sizes["first_time"], sizes["last_time"], sizes["users"]
    days = f"({(last - first) / schema.DAY_SECONDS:,.1f} days)"
    span = f"from {formats.minute(first)} to {formats.minute(last)} {days}"
    # Not of `data.config`, whose source may be registered no more.
    columns = map(str.strip, data.manifest.config.get("columns", ()))
    if "watches.time=" in columns:
        span = "without times"
    yield (
        f"watches: {sum(sizes['watches'].values()):,} {span}, {users:,} users, "
        f"{sizes['videos']:,} videos"
    )
    others = data.num_users - users, data.num_videos - sizes["videos"]
    if any(others):
        words = formats.counted(others[0], "user"), formats.counted(others[1], "video")
        yield f"of the other tables, without a watch: {', '.join(words)}"
    yield from _windows(data.windows)
    yield (
        f"candidates: {_splits(sizes['watches'])}; {data.vocabulary_size:,} videos "
        f"with an embedding"
    )
    obstacle = data.windows.ranker_left_out(_RANKER)
    if obstacle:
        yield f"ranking: left out: {obstacle}"
        return
    shown, clicks = sizes["impressions"], sizes["training_clicks"]
    yield f"ranking: {_splits(shown)}; {clicks:,} clicks to train on"


def _splits(number: dict[str, int]) -> str:
    """Returns the number of events of each split, in words."""
    return (
        f"{number['train']:,} to train on, {number['validation']:,} to validate, "
        f"{number['test']:,} to test"
    )


def _windows(windows: split_windows.SplitWindows) -> Iterator[str]:
    """Yields the bounds of the windows of the temporal protocol."""
    bounds = windows.facts.get("windows")
    if bounds is None:
        return
    first, _ = windows.training_window
    edges = {name: formats.minute(bounds[name]) for name in bounds}
    ranker = f"{edges['ranking']} → {edges['ranking_validation']} → {edges['test']}"
    stop = "ranking" if windows.has_own_window else "test"
    yield (
        f"windows (UTC; training → validation → end): candidates "
        f"{formats.minute(first)} → {edges['validation']} → {edges[stop]}; ranker "
        f"{ranker}; test {edges['test']} → {formats.minute(windows.end_of_log)}"
    )
