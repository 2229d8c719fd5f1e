"""The table that `prepare` ends with: columns, examples of each model, notes."""

import io
import re
from collections.abc import Collection, Iterator

import numpy as np
import rich.box
import rich.console
import rich.table

from ytdnn.base import configs, errors, formats, schema, table_schemas
from ytdnn.log import catalogues, events, outcomes, prepared, user_log, vectors

_WIDTH = 120
_OWN_SHOWN = 5  # columns in the example of a command
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # of requests, without quotes
_Split = events.Split


def lines(
    data: prepared.PreparedData, named: Collection[str] = (), workdir: str = "…"
) -> list[str]:
    """Returns the table of a prepared set's log, and the notes below it.

    Args:
      data: The prepared set.
      named: The user's columns that are features already, such as "users.plan".
      workdir: Directory of the run, for the commands of notes.
    """
    # In a notebook rich would show the table instead of writing it, and write codes of
    # colours, which ipykernel asks for.
    screen = rich.console.Console(
        width=_WIDTH, file=io.StringIO(), color_system=None, force_jupyter=False
    )
    screen.print(_table(data.catalogue, named))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    table = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [*table, *_notes(data, named, workdir), *_models(data)]


def _table(catalogue: catalogues.Catalogue, named: Collection[str]) -> rich.table.Table:
    table = rich.table.Table(box=rich.box.SIMPLE, pad_edge=False)
    for name in ("table", "rows", "columns used", "columns not used"):
        is_number = name == "rows"
        table.add_column(name, justify="right" if is_number else "left")
    for name in _tables(catalogue):
        rows = catalogue.facts["rows"][name]
        used = [*_used(catalogue, name), *_features(catalogue, name, named)]
        unused = _unused(catalogue, name, named)
        table.add_row(name, f"{rows:,}", ", ".join(used), ", ".join(unused))
    return table


def _tables(catalogue: catalogues.Catalogue) -> list[str]:
    return [name for name in table_schemas.TABLES if name in catalogue.facts["rows"]]


def _known(table: str) -> list[str]:
    return table_schemas.TABLES[table].names


def _found(catalogue: catalogues.Catalogue, table: str) -> list[str]:
    """Returns the columns that a table has, the schema's first."""
    prefix = f"{table}."
    found = [c.removeprefix(prefix) for c in catalogue.facts["log_columns"]]
    return [c for c in found if prefix + c in catalogue.columns]


def _own(catalogue: catalogues.Catalogue, table: str) -> list[str]:
    """Returns columns outside the schema that nothing reads unless named."""
    known = _known(table)
    if table == schema.IMPRESSIONS:
        known += [one.name for one in catalogue.outcomes]
    own = [column for column in _found(catalogue, table) if column not in known]
    return [c for c in own if f"{table}.{c}" not in catalogue.vectors.widths]


def _used(catalogue: catalogues.Catalogue, table: str) -> Iterator[str]:
    """Yields the columns of the schema in the log, with their missing values."""
    missing = catalogue.facts["missing"].get(table, {})
    own = _own(catalogue, table)
    for column in _found(catalogue, table):
        if column not in own and f"{table}.{column}" not in catalogue.vectors.widths:
            gaps = f" ({missing[column]:,} missing)" if column in missing else ""
            yield column + gaps
    widths = catalogue.vectors.widths
    for name in catalogue.vectors.in_table(table):
        yield f"{name.removeprefix(f'{table}.')} (vectors of {widths[name]:,})"


def _features(
    catalogue: catalogues.Catalogue, table: str, named: Collection[str]
) -> list[str]:
    """Returns the user's columns of a table that are features."""
    return [c for c in _own(catalogue, table) if f"{table}.{c}" in named]


def _unused(
    catalogue: catalogues.Catalogue, table: str, named: Collection[str]
) -> Iterator[str]:
    """Yields the unused columns, each with the column that was perhaps meant."""
    features = _features(catalogue, table, named)
    own = [column for column in _own(catalogue, table) if column not in features]
    for column in [*catalogue.facts["unused"].get(table, ()), *own]:
        close = _meant(catalogue, table, column)
        hint = f" (did you mean {close}?)" if close else ""
        yield errors.one_line(column) + hint


def _meant(catalogue: catalogues.Catalogue, table: str, column: str) -> str:
    """Returns the column of the schema with a similar name; empty if there is none.

    A column that another table reads, as where both are one file, has its meaning.
    """
    mapped = catalogue.facts.get("columns", ())
    if any(entry.partition("=")[2] == column for entry in mapped):
        return ""
    found = _found(catalogue, table)
    return errors.closest(column, [c for c in _known(table) if c not in found])


def _notes(
    data: prepared.PreparedData, named: Collection[str], workdir: str
) -> Iterator[str]:
    """Yields notes on the log: units, ids, dropped and doubled rows."""
    facts = data.manifest.facts
    for outcome in data.catalogue.outcomes:
        share = "" if outcome.kind == outcomes.AMOUNT else " of them true"
        mean = f"mean {outcome.mean:.4g}" if not share else f"{outcome.mean:.2%}"
        yield f"outcome {outcome.name}: {outcome.num_known:,} known, {mean}{share}"
    for notes in facts["notes"].values():
        yield from (f"note: {note}" for note in notes)
    yield from _unused_notes(data.catalogue, named, workdir)
    for one in facts["unmatched"]:
        yield (
            f"note: {one['number']:,} of {one['of']:,} ids of {one['table']}."
            f"{one['column']} have no watch"
        )
    for reason, count in facts["bad_rows"].items():
        is_kept = reason.endswith("(kept)")
        what = "kept" if is_kept else "dropped"
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
    yield from facts["doubts"]


def _unused_notes(
    catalogue: catalogues.Catalogue, named: Collection[str], workdir: str
) -> Iterator[str]:
    """Yields a line for each likely other name, and one for columns of the user."""
    own: list[str] = []
    for table in _tables(catalogue):
        features = _features(catalogue, table, named)
        own += [
            f"{table}.{column}"
            for column in _own(catalogue, table)
            if _KEY.fullmatch(column)
            and column not in (*schema.REQUEST_KEYS, *features)
        ]
        for column in catalogue.facts["unused"].get(table, ()):
            close = _meant(catalogue, table, column)
            if close:
                yield (
                    f"note: {table}.{column} is not used; if it is {table}.{close}: "
                    f"{errors.shell(f'--columns={table}.{close}={column}')}"
                )
    if own:
        names = ",".join((*sorted(named), *own[:_OWN_SHOWN]))
        yield (
            f"note: columns of your own become features by name: ytdnn train "
            f"--workdir={workdir} --features={names}"
        )


def _models(data: prepared.PreparedData) -> Iterator[str]:
    """Yields the span of time, and the training and test sizes of each model."""
    watched = _Counts()
    shown = _Counts()
    first, last, number, clicks = np.iinfo(np.int64).max, 0, 0, 0
    is_watched, watching = np.zeros(data.num_videos + 1, bool), 0
    for shard in data.log.shards:
        read = shard.read()
        times, number = np.asarray(read.watches.times), number + len(read.watches)
        first = min(first, int(times.min(initial=first)))
        last = max(last, int(times.max(initial=last)))
        watched.add(read.watches.splits)
        is_watched[np.asarray(read.watches.videos)] = True
        watching += int((np.diff(read.watches.offsets) > 0).sum())
        if read.impressions is not None:
            splits = np.asarray(read.impressions.splits)
            shown.add(splits)
            clicked = np.asarray(read.impressions.clicked)
            clicks += int(clicked[splits == _Split.TRAIN].sum())
    yield (
        f"watches: {number:,} from {formats.minute(first)} to {formats.minute(last)} "
        f"({(last - first) / schema.DAY_SECONDS:,.1f} days), "
        f"{watching:,} users, {is_watched[1:].sum():,} videos"
    )
    users, videos = data.num_users - watching, data.num_videos - is_watched[1:].sum()
    if users or videos:
        told = (
            f"{formats.counted(users, 'user')}, {formats.counted(int(videos), 'video')}"
        )
        yield f"of the other tables, without a watch: {told}"
    yield from _windows(data.windows)
    yield f"candidates: {watched}; {data.vocabulary_size:,} videos with an embedding"
    obstacle = data.windows.ranker_left_out(configs.RankingConfig())
    if obstacle:
        yield f"ranking: left out: {obstacle}"
        return
    yield f"ranking: {shown}; {clicks:,} clicks to train on"


def _windows(windows: user_log.SplitWindows) -> Iterator[str]:
    """Yields the bounds of the windows of the temporal protocol."""
    found = windows.facts.get("windows")
    if found is None:
        return
    first, _ = windows.training_window
    edges = {k: formats.minute(found[k]) for k in found}
    ranker = f"{edges['ranking']} → {edges['ranking_validation']} → {edges['test']}"
    stop = "ranking" if windows.has_own_window else "test"
    yield (
        f"windows (UTC; training → validation → end): candidates "
        f"{formats.minute(first)} → {edges['validation']} → {edges[stop]}; ranker "
        f"{ranker}; test {edges['test']} → {formats.minute(windows.end_of_log)}"
    )


class _Counts:
    """Events of each split, in words."""

    def __init__(self) -> None:
        self._numbers = np.zeros(len(_Split), np.int64)

    def add(self, splits: np.ndarray) -> None:
        self._numbers += np.bincount(splits, minlength=len(_Split))

    def __str__(self) -> str:
        train, validation, test, *_ = self._numbers.tolist()
        return f"{train:,} to train on, {validation:,} to validate, {test:,} to test"
