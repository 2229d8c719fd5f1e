"""The files of a directory, and which of their columns can be which of the schema.

A column can be one of the schema if its name has the words of it (`column_words.toml`)
and its values can be of it. Ids whose names say nothing are found by those of others.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from ytdnn.base import schema
from ytdnn.log.sources import casting, columns_by_value, multi_valued, naming, times

_FIRST, _LAST = 631_152_000, 2_208_988_800  # 1990 and 2040
SHARE = 0.9  # of values that speak for a column
_MOST_OF_A_PAGE = 1_000  # impressions, on average
_MOST_KINDS, _MOST_CATEGORIES = 20, 50
_FEWEST_SEEDS = 20
FEWEST_USERS = 10  # fewer values are more likely devices, plans or kinds of users
IDS = {schema.VIDEOS: schema.VIDEO_ID, schema.USERS: schema.USER_ID}
_SIGNS = dict.fromkeys((schema.AGE, schema.GENDER, schema.COUNTRY), 1)  # of people
_SIGNS |= dict.fromkeys((schema.TITLE, schema.CHANNEL_ID, schema.TOPIC), -1)


class File:
    """A file of the directory, and which columns are which."""

    def __init__(self, name: str, rows: pl.DataFrame) -> None:
        self.name, self.rows = name, rows
        self.signs = columns_by_value.signs(rows)  # of users, or of videos
        self.used: set[str] = set()
        self.given: dict[str, str] = {}  # ids by the user's word
        self.known: dict[str, str] = {}  # what is proposed of it
        times_of = [values for values in rows if _fits(schema.TIME, values)]
        self.moments = {values.name: _seconds(values) for values in times_of}
        texts = rows.drop(self.moments)
        dates = columns_by_value.Guesser(texts, {}, None, []).dates()
        self.unread = [f"{n} looks like a date that cannot be read" for n in dates]
        columns = {column: self.called(column) for column in IDS.values()}
        self.ids = {column: names[0] for column, names in columns.items() if names}

    def called(self, column: str) -> list[str]:
        """Returns the columns that by name and values can be one of the schema."""
        called = [name for name in self.rows.columns if naming.is_called(name, column)]
        fit = [name for name in called if _fits(column, self.rows[name])]
        if column == schema.USER_ID:
            ids = naming.words_in("fillers", "id")
            fit = [n for n in fit if not self.has_few(n) or naming.words_of(n) & ids]
            fit.sort(key=self.has_few)
        return sorted(fit, key=lambda name: name != column)

    def partly_called(self, column: str) -> list[str]:
        """Returns the columns that by a part of their names and values can be one."""
        names = [n for n in self.rows.columns if naming.is_partly_called(n, column)]
        if column == schema.PAGE_ID:  # "rank in feed" is a place, of a page or not
            place = "columns", schema.POSITION
            names = [name for name in names if not naming.has_word(name, *place)]
        return [name for name in names if _fits(column, self.rows[name])]

    def guessed(self, column: str, known: Mapping[str, str]) -> list[str]:
        """Returns the columns that can be one of the schema by their values alone.

        Args:
          column: Name of the schema's column.
          known: The file's columns that are known, by the schema's names.
        """
        seconds = self.moments.get(next(iter(self.times()[0]), ""))
        guesser = columns_by_value.Guesser(self.rows, known, seconds, [*self.moments])
        return guesser.find(column)

    def has_few(self, name: str) -> bool:
        """Whether a column has fewer values than users are to be expected."""
        return self.rows[name].n_unique() < FEWEST_USERS

    def has(self, own: str) -> bool:
        """Whether there is a column, as the user writes it, perhaps with a unit."""
        names = map(re.escape, sorted(self.rows.columns, key=len, reverse=True))
        return bool(re.search(rf"(?<!\w)({'|'.join(names)})(?!\w)", own))

    def has_words_in(self, column: str) -> bool:
        """Whether a schema column of numbers is here, and has none."""
        is_number = naming.SPECS[column].kind in ("integer", "number")
        texts = self.rows.get_column(column, default=pl.Series([0])).drop_nulls()
        are_texts = is_number and texts.dtype in times.TEXT and len(texts) > 0
        return are_texts and bool(texts.cast(pl.Float64, strict=False).is_null().all())

    def take(self, names: Mapping[str, str]) -> None:
        """Takes ids by the user's names of columns."""
        ids = {c: names[c] for c in IDS.values() if names.get(c) in self.rows.columns}
        self.ids, self.given = self.ids | ids, self.given | ids

    def lacks(self, column: str) -> bool:
        """Whether no column is likely that of ids of users, or of videos."""
        is_doubted = column == schema.USER_ID and column not in self.given
        name = self.ids.get(column)
        return name is None or (is_doubted and self.has_few(name))

    def likeness(self, column: str) -> int:
        """Returns how much more the file looks like users than videos, or less."""
        words = " ".join(self.rows.columns)
        named = self.is_called(schema.USERS) - self.is_called(schema.VIDEOS)
        signs = [n for c, n in _SIGNS.items() if naming.has_word(words, "columns", c)]
        people = 9 * named + sum(signs) + self.signs
        return people if column == schema.USER_ID else -people

    def is_key(self, name: str) -> bool:
        """Whether a column has each value once."""
        return self.rows[name].n_unique() == self.rows.height

    def is_called(self, table: str) -> bool:
        """Whether the file's name has a word of a table."""
        return naming.has_word(self.name, "files", table)

    def table(self) -> str:
        """Returns the table that the file can be, empty if none."""
        if len(self.ids) == len(IDS):
            is_shown = self.called(schema.CLICKED) or self.has_pages()
            return schema.IMPRESSIONS if is_shown else schema.WATCHES
        if schema.USER_ID in self.ids and self.called(schema.QUERY):
            return schema.SEARCHES
        keys = (t for t, c in IDS.items() if c in self.ids and self.is_key(self.ids[c]))
        return next(keys, schema.SEARCHES if self.has_searches() else "")

    def has_events(self) -> bool:
        """Whether there are ids of users, some of them several times, and times."""
        user = self.ids.get(schema.USER_ID, "")
        return user != "" and not self.is_key(user) and bool(self.moments)

    def has_searches(self) -> bool:
        """Whether there are events with a text, which a name or the texts tell of."""
        if not self.has_events():
            return False
        texts = self.guessed(schema.QUERY, self.ids)
        is_told = self.is_called(schema.SEARCHES)
        return any(is_told or columns_by_value.is_free(self.rows[n]) for n in texts)

    def has_pages(self) -> bool:
        """Whether there are a click, and a place or a page, by some sign."""
        clicked, *pages = (
            self.partly_called(column) or self.guessed(column, self.ids)
            for column in (schema.CLICKED, schema.POSITION, schema.PAGE_ID)
        )
        return bool(clicked) and any(pages)

    def times(self) -> tuple[list[str], str]:
        """Returns the columns of times or of order, best first, and doubts."""
        ids = self.ids.values()  # some numbers of users could be times
        moments = {n: v for n, v in self.moments.items() if n not in ids}
        known = pl.DataFrame(list(moments.values())).drop_nulls()
        most = max((values.n_unique() for values in moments.values()), default=0)

        def likeness(name: str) -> tuple[int, bool, bool, int]:
            """Words against it; whether rows share values; words for it; how early."""
            words = ("late", "stored")
            late = sum(naming.has_word(name, "fillers", each) for each in words)
            late -= 2 * (name == schema.TIME)
            is_coarse = 2 * moments[name].n_unique() < most
            is_unknown = not naming.is_called(name, schema.TIME)
            return late, is_coarse, is_unknown, int(known[name].sum())

        names = sorted(moments, key=likeness)
        if names:
            first = likeness(names[0])
            told = 1 if first[2] else 3  # of a known name an unknown one is no rival
            rivals = [n for n in names[1:] if likeness(n)[:told] == first[:told]]
            doubts = ["the earliest of several"] * bool(rivals)
            if naming.has_word(names[0], "fillers", "stored"):
                doubts += ["its name says when a row was stored"]
            return [names[0], *rivals], "; ".join(doubts + self.unread)
        doubt = "an order, no times: train with --protocol=leave_one_out"
        return self.called(schema.ORDER), doubt

    def kinds_of_events(self) -> dict[str, str]:
        """Returns the filter of a column with kinds of events, if there is one."""
        for name in self.rows.columns:
            kinds = self.rows[name].drop_nulls().unique().sort()
            is_kind = naming.words_of(name) <= naming.words_in("fillers", "event")
            if is_kind and kinds.dtype == pl.String and 1 < kinds.len() <= _MOST_KINDS:
                watches = "files", schema.WATCHES
                those = [kind for kind in kinds if naming.has_word(kind, *watches)]
                listed = ", ".join(f"'{kind}'" for kind in those or kinds)
                self.used.add(name)
                return {"where": f'"{name}" IN ({listed})'}
        return {}

    def with_values_of(self, videos: "File | None", column: str) -> list[str]:
        """Returns columns with the values of one of videos: seeds, users' languages."""
        same = {schema.SEED_VIDEO_ID: schema.VIDEO_ID, schema.LANGUAGE: schema.LANGUAGE}
        if videos is None or videos is self or column not in same:
            return []
        key = {**videos.ids, **videos.known}.get(same[column])
        keys = videos.rows[key] if key else pl.Series([], dtype=pl.String)
        fewest = 2 if column == schema.LANGUAGE else _FEWEST_SEEDS

        def is_one(values: pl.Series) -> bool:
            # Small numbers are places or counts as well.
            numbers = values.cast(pl.Int64, strict=False)
            is_id = values.dtype.is_integer() and bool((numbers > keys.len()).all())
            is_id = (is_id or values.dtype == pl.String) and values.n_unique() >= fewest
            return is_id and share_of_keys(values, keys) == 1

        free = [v for v in self.rows if v.name not in self.known.values()]
        return [values.name for values in free if is_one(values)]

    def unmapped(self, table: str) -> tuple[list[str], list[str]]:
        """Returns the other columns of a table, those that become features first."""
        free = [values for values in self.rows if values.name not in self.used]
        # Of users no lists are kept, and no dates.
        kept = [v for v in free if not (v.dtype.is_nested() and table == schema.USERS)]
        kept = [v for v in kept if table in IDS and not v.dtype.is_temporal()]
        features = [v.name for v in kept if columns_by_value.is_feature(v)]
        others = [v for v in free if v.name not in features]
        return features, [v.name + self._outcome(v) for v in others]

    def _outcome(self, values: pl.Series) -> str:
        """Returns a remark on a flag that is true only where there is a click."""
        clicked = self.known.get(schema.CLICKED)
        if clicked is None or not columns_by_value.is_flag(values.drop_nulls()):
            return ""
        is_click, is_true = map(columns_by_value.is_true, (self.rows[clicked], values))
        return " (outcome? name it)" * bool((is_click | ~is_true).all())

    def seconds(self) -> list[int]:
        """Returns the times of events; none without."""
        moments = map(self.moments.get, self.times()[0])
        return next((m.drop_nulls().to_list() for m in moments if m is not None), [])


def find_ids(files: Sequence[File]) -> None:
    """Finds ids whose names say nothing, as values that are a key of another file.

    A file with a name or columns of people lists the users. Without such a sign it is
    taken where the other ids are known.
    """
    links = {file: list(_links(file, files)) for file in files}
    listings = {listing for those in links.values() for _, listing, _ in those}
    for file in (file for file in files if file not in listings):
        # A video may tell the user.
        for column in (schema.USER_ID, schema.VIDEO_ID, schema.USER_ID):
            known = {c: n for c, n in file.ids.items() if not file.lacks(c)}
            others = set(known.values()) - {known.get(column)}
            free = [
                (listing.likeness(column), name, listing, key)
                for name, listing, key in links[file]
                if name == known.get(column, name) and name not in others
            ]
            best = max(free, key=lambda link: link[:2], default=None)
            if best is None or best[0] < (0 if known else 1):
                continue
            best[2].ids.setdefault(column, best[3])
            for each in files:
                if best[1] in each.rows.columns and each.lacks(column):
                    each.ids[column] = best[1]


def _links(file: File, files: Sequence[File]) -> Iterator[tuple[str, File, str]]:
    """Yields columns of ids of a file, each with the file that lists it and its key."""
    for name, values in zip(file.rows.columns, file.rows, strict=True):
        listed = [
            (key == name, -other.rows.height, other, key)
            for other in files
            for key in {name, other.rows.columns[0]} & set(other.rows.columns)
            if other is not file
            and (
                "id" in naming.words_of(name)
                or any(map(other.is_called, IDS))
                or other.signs
            )
            and all(_fits(schema.VIDEO_ID, ids) for ids in (values, other.rows[key]))
            and other.is_key(key)
            and values.n_unique() >= max(3, other.rows.height // 10)
            and share_of_keys(values, other.rows[key]) > SHARE
        ]
        if listed and not file.is_key(name):
            yield name, *max(listed, key=lambda link: link[:2])[2:]


def share_of_keys(values: pl.Series, keys: pl.Series) -> float:
    """Returns the share of distinct values that are keys."""
    distinct = values.drop_nulls().unique().cast(pl.String)
    is_key = distinct.is_in(keys.cast(pl.String).implode())
    return float(is_key.sum() / max(1, distinct.len()))


def _seconds(values: pl.Series) -> pl.Series:
    """Returns times in seconds, null where they are none."""
    rows, name, dtype = values.to_frame().lazy(), values.name, values.dtype
    seconds = times.seconds(pl.col(name), dtype, times.reading(rows, name, dtype).unit)
    seconds = pl.lit(None, pl.Int64) if seconds is None else seconds
    return rows.select(seconds.alias(name)).collect()[name]


def _are_times(values: pl.Series) -> bool:
    """Whether most of some values are times of our days."""
    number = _seconds(values).is_between(_FIRST, _LAST).sum()
    return bool(number > SHARE * values.len())


def true_values(values: pl.Series, words: Sequence[str] = casting.TRUE) -> list[object]:
    """Returns the distinct values that are read as true, or as other words."""
    distinct = values.drop_nulls().unique().sort()
    texts = distinct.cast(pl.String).str.strip_chars().str.to_lowercase()
    return distinct.filter(texts.is_in(words)).to_list()


def _fits(name: str, values: pl.Series) -> bool:
    """Whether values can be those of a schema column."""
    column, values = naming.SPECS[name], values.drop_nulls()
    is_duration = column.name in naming.DURATIONS
    if is_duration and (naming.is_share(values.name) or _are_times(values)):
        return False
    if is_duration and values.dtype in times.TEXT:
        values = pl.select(times.clock(pl.lit(values))).to_series()
    dtype = values.dtype
    if multi_valued.is_multi_valued(dtype):
        return name == schema.TOPIC
    is_text, is_plain = dtype in times.TEXT, dtype.is_numeric() or dtype == pl.Boolean
    if not (is_text or is_plain or dtype.is_temporal()) or values.is_empty():
        return False
    number = values.n_unique()
    if column.kind == "time":
        return _are_times(values)
    if column.kind == "boolean":
        flags = true_values(values), true_values(values, casting.FALSE)
        return all(flags) and len(flags[0] + flags[1]) == number
    if column.kind == "id":
        size = values.len() / number  # a page has several rows, of one user
        is_page = name != schema.PAGE_ID or 1 / SHARE < size < _MOST_OF_A_PAGE
        return (is_text or dtype.is_integer()) and number > 2 and is_page
    if column.kind == "text":
        most = 0 if name == schema.DEVICE else values.len() // 2
        is_few = number <= max(_MOST_CATEGORIES, most)
        return is_text if name in (schema.TITLE, schema.QUERY) else is_few
    # Or a year of birth, also of the Buddhist era.
    highest = 2_600.0 if name == schema.AGE else column.most
    is_kind = dtype.is_integer() if column.kind == "integer" else dtype.is_numeric()
    least = -math.inf if column.least is None else column.least
    return is_kind and number > 2 and bool(values.is_between(least, highest).all())
