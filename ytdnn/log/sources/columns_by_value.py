"""Columns recognised by their values, where their names say nothing.

Names are of any language, values less so: a title is a text of several words, a place
on a page a small number that occurs once there. All that is found so is a guess.
"""

import re
from collections.abc import Callable, Mapping

import polars as pl

from ytdnn.base import schema
from ytdnn.log.sources import casting, naming

_SHARE = 0.9  # of values that speak for a guess
_BORN, _AGES = (1900, 2020), (5, 110)
_ID = re.compile(r"(?i:(^|[^a-z])(id|slug|key|ref|uid)([^a-z]|$))|(Id|ID|Slug|Key)$")
_CLOCK = r"^\d{1,3}(:[0-5]\d){1,2}([.,]\d+)?$"
_LANGUAGE = r"^[a-z]{2}([-_][A-Za-z]{2})?$"
# Dates of any form, also with names of months; of three small numbers with dots, as of
# versions, only those with a year.
_DATE = (
    r"^(\d\d?[-/. ]+\w{1,9}[-/., ]+|\pL{3,9}\.? \d\d?,? )\d{4}\b"
    r"|^\d{4}([-/. ]\d\d?){2}\b|^(\d\d?[-/]){2}\d\d\b"
)
_DEVICE = (
    r"(?i)mobil|desktop|comput|tablet|phone|android|\bios\b|\btv|\bweb\b|laptop"
    r"|notebook|celular|movil|telef|\bstb\b|\bapp\b"
)
_HOUR = 3_600
_MOST_PLACES = 200
_LEVELS = 4
_MOST_KINDS, _LEAST_SEVERAL = 20, 0.1
_LEAST_LABELS = 20  # texts, all different or addresses, that are no feature

Columns = list[str]


class Guesser:
    """Finds columns of a file by their values.

    Attributes:
      rows: The first rows of the file.
      known: Its known columns, by the schema's names, ids of users for events.
      seconds: Time of each event; None without.
      free: Columns that nothing is known of.
      times: Those that can be times.
    """

    def __init__(
        self,
        rows: pl.DataFrame,
        known: Mapping[str, str],
        seconds: pl.Series | None,
        times: Columns,
    ) -> None:
        """Stores what is known; see the class."""
        self.rows, self.known, self.times = rows, known, times
        self.seconds = seconds if schema.USER_ID in known else None
        names = [name for name in rows.columns if name not in known.values()]
        self.free = [name for name in names if rows[name].drop_nulls().len()]

    def find(self, column: str) -> Columns:
        """Returns the candidates for a column of the schema, the likeliest first."""
        return _FINDERS[column](self) if column in _FINDERS else []

    def those(self, is_one: Callable[[pl.Series], object]) -> Columns:
        """Returns the free columns with values of a kind."""
        return [n for n in self.free if is_one(self.rows[n].drop_nulls())]

    def having(self, pattern: str) -> Columns:
        """Returns texts of which most match a pattern."""
        return self.those(lambda values: _has(values, pattern))

    def dates(self) -> Columns:
        """Returns texts like dates."""
        return self.having(_DATE)

    def titles(self) -> Columns:
        """Returns texts of several words, nearly all different, the shortest first."""
        names = self.those(is_prose)
        lengths = {n: self.rows[n].str.len_chars().mean() for n in names}
        return sorted(names, key=lambda name: lengths[name] or 0)

    def durations(self) -> Columns:
        """Returns numbers with a unit in their names, and clock times."""
        names = self.those(lambda v: is_in_unit(v) or _has(v, _CLOCK))
        return [name for name in names if name not in self.times]

    def queries(self) -> Columns:
        """Returns the only free text, else the only text."""
        texts = self.those(lambda v: v.dtype == pl.String and v.n_unique() > 2)
        texts = [name for name in texts if name not in self.times]
        free = [name for name in texts if is_free(self.rows[name])] or texts
        return free if len(free) == 1 else []

    def categories(self, most: int = 50) -> Columns:
        """Returns texts with few values, each of many rows, the fewest first."""
        names = self.those(lambda v: v.dtype == pl.String and 2 < v.n_unique() <= most)
        number = {name: self.rows[name].n_unique() for name in names}
        several = [n for n in names if number[n] * 5 <= self.rows.height]
        # Three or four kinds are rather levels or sizes.
        return sorted(several, key=lambda name: (number[name] <= _LEVELS, number[name]))

    def makers(self) -> Columns:
        """Returns ids, by a word of their names, that several videos share.

        Else the categories with the most values. There are more channels than topics.
        """
        number = {name: self.rows[name].n_unique() for name in self.free}
        names = [n for n in self.free if _ID.search(n) and not is_in_unit(self.rows[n])]
        shared = [n for n in names if 2 < number[n] <= self.rows.height / 2]
        kinds = [n for n in self.categories(self.rows.height) if number[n] > _LEVELS]
        ids = sorted(shared, key=lambda name: -number[name])
        return ids or (kinds[::-1] if len(kinds) > 1 else [])

    def flags(self) -> Columns:
        """Returns the column with two values, as yes and no, that others imply."""
        true = {name: is_true(self.rows[name]) for name in self.those(is_flag)}
        most = max(true, key=lambda name: true[name].sum(), default="")
        is_one = all((true[most] | ~other).all() for other in true.values())
        return [most] if true and is_one else []

    def amounts(self) -> Columns:
        """Returns durations, else the one column of numbers of many sizes.

        Of impressions, such as hardly any has that is not clicked.
        """
        names, numbers = self.durations(), self.those(_is_amount)
        numbers = [name for name in numbers if name not in self.times]
        if schema.CLICKED in self.known:
            skipped = self.rows.filter(~is_true(self.rows[self.known[schema.CLICKED]]))
            share = (skipped.select(pl.col(numbers).fill_null(0) > 0)).mean()
            numbers = [name for name in numbers if share[name].item() < 1 - _SHARE]
            names = [name for name in names if name in numbers]
        return names or (numbers if len(numbers) == 1 else [])

    def pages(self) -> Columns:
        """Returns ids of several events of one user within an hour."""
        return self.those(self._is_page)

    def places(self) -> Columns:
        """Returns small numbers that occur once on a page."""
        page = self.known.get(schema.PAGE_ID) or next(iter(self.pages()), "")
        if self.seconds is None and not page:
            return []
        frame = self.rows.with_columns(pl.Series("__at__", self.seconds))
        keys = [page] if page else [self.known[schema.USER_ID], "__at__"]

        def is_place(values: pl.Series) -> bool:
            if not values.dtype.is_integer() or values.n_unique() < 3:
                return False
            if not _is_within(values, 0, _MOST_PLACES, 0):
                return False
            sizes = frame.group_by(keys).agg(pl.len(), pl.col(values.name).n_unique())
            several = sizes.filter(pl.col("len") > 1)
            once = (several["len"] == several[values.name]).sum()
            has_several = several.height * 2 > sizes.height
            return bool(has_several and once > _SHARE * several.height)

        return self.those(is_place)

    def _is_page(self, values: pl.Series) -> bool:
        if values.dtype.is_float() or values.dtype.is_temporal():
            return False
        number = values.n_unique()
        if self.seconds is None or number < 3 or number > 0.7 * self.rows.height:
            return False
        user, at = self.known[schema.USER_ID], pl.Series("__at__", self.seconds)
        grouped = self.rows.with_columns(at).group_by(values.name)
        users = pl.col(user).n_unique().alias("users")
        span = (pl.col("__at__").max() - pl.col("__at__").min()).alias("span")
        each = grouped.agg(users, span)
        is_one = (each["users"] == 1) & (each["span"] <= _HOUR)
        several = number > 1.2 * self.rows[user].n_unique()
        return several and is_one.sum() > _SHARE * number


_FINDERS: dict[str, Callable[[Guesser], Columns]] = {
    schema.CLICKED: Guesser.flags,
    schema.WATCH_SECONDS: Guesser.amounts,
    schema.PAGE_ID: Guesser.pages,
    schema.POSITION: Guesser.places,
    schema.DEVICE: lambda guesser: guesser.having(_DEVICE),
    schema.SOURCE: Guesser.categories,
    schema.QUERY: Guesser.queries,
    schema.TITLE: Guesser.titles,
    schema.DURATION_SECONDS: Guesser.durations,
    schema.UPLOAD_TIME: lambda guesser: [n for n in guesser.free if n in guesser.times],
    schema.CHANNEL_ID: Guesser.makers,
    schema.TOPIC: Guesser.categories,
    schema.LANGUAGE: lambda guesser: guesser.having(_LANGUAGE),
    schema.COUNTRY: lambda guesser: [
        name
        for name in guesser.having(f"^({'|'.join(naming.words_in('codes', 'iso'))})$")
        if not naming.has_word(name, "fillers", "region")
    ],
    schema.GENDER: lambda guesser: guesser.those(_is_gender),
    schema.AGE: lambda guesser: guesser.those(
        lambda values: _is_within(values, *_BORN) or _is_within(values, *_AGES)
    ),
}


def signs(rows: pl.DataFrame) -> int:
    """Returns how much more the columns look like those of users than of videos."""
    total = 0
    for values in rows:
        known = values.drop_nulls()
        if known.len():
            total += _is_gender(known) or _is_within(known, *_BORN)
            total -= is_prose(known) or _has(known, _CLOCK)
    return total


def is_prose(values: pl.Series) -> bool:
    """Whether values are texts of several words, and most of them differ."""
    if values.dtype != pl.String or values.n_unique() * 2 < values.len():
        return False
    num_spaces = values.str.count_matches(r"\s\S").sum()
    return num_spaces >= values.len() and not values.str.contains("://").any()


def is_free(values: pl.Series) -> bool:
    """Whether values are texts of many kinds, some of them of several words."""
    if values.dtype != pl.String or values.n_unique() <= _MOST_KINDS:
        return False
    num_several = values.str.contains(r"\S\s\S").sum()
    return num_several > _LEAST_SEVERAL * values.len()


def is_true(values: pl.Series) -> pl.Series:
    """Returns where values are read as true, by some words."""
    texts = values.cast(pl.String).str.strip_chars().str.to_lowercase()
    return texts.is_in(casting.TRUE).fill_null(value=False)


def is_feature(values: pl.Series) -> bool:
    """Whether a column of one's own is one: no addresses, nor texts of one row each."""
    texts = values.drop_nulls()
    is_text = texts.dtype == pl.String and texts.len() >= _LEAST_LABELS
    if is_text and (texts.is_unique().all() or texts.str.contains("://").all()):
        return False
    return values.n_unique() > 1


def is_flag(values: pl.Series) -> bool:
    """Whether values are of two kinds, true and false by some words."""
    if values.dtype == pl.Boolean:
        return values.n_unique() == 2
    if not (values.dtype == pl.String or values.dtype.is_integer()):
        return False
    texts = values.unique().cast(pl.String).str.strip_chars().str.to_lowercase()
    return any(set(texts) == set(pair) for pair in casting.PAIRS)


def is_in_unit(values: pl.Series) -> bool:
    """Whether values are numbers with a unit of time, of two letters, in their name."""
    name = re.sub(r"(_|\b)[sh]\b", "", values.name)
    is_in_unit = naming.factor_of(name) is not None and not naming.is_share(name)
    return is_in_unit and values.dtype.is_numeric()


def _is_amount(values: pl.Series) -> bool:
    if not values.dtype.is_numeric() or values.n_unique() <= _MOST_PLACES / 2:
        return False
    is_key = values.n_unique() == values.len() and values.dtype.is_integer()
    is_share = naming.is_share(values.name) or bool((values <= 1).all())
    return bool((values >= 0).all()) and not is_key and not is_share


def _has(values: pl.Series, pattern: str) -> bool:
    """Whether values are texts, and more than half of the different ones match."""
    kinds = values.unique()
    is_text = kinds.dtype == pl.String and kinds.len() > 1
    return is_text and 2 * kinds.str.contains(pattern).sum() > kinds.len()


def _is_gender(values: pl.Series) -> bool:
    if values.dtype != pl.String or not 2 <= values.n_unique() <= 5:
        return False
    texts = {naming.plain(text).lower().strip() for text in values.unique()}
    is_letter = len(texts) <= 3 and all(len(text) == 1 for text in texts)
    is_other = is_letter and not is_flag(values)
    number = len(texts & naming.words_in("codes", "gender"))
    # Beside them there may be a word for unknown.
    is_named = number == len(texts) or 2 <= number == len(texts) - 1
    return is_named or is_other


def _is_within(values: pl.Series, least: int, most: int, fewest: int = 9) -> bool:
    if not values.dtype.is_integer() or values.n_unique() <= fewest:
        return False
    return bool(values.cast(pl.Int64, strict=False).is_between(least, most).all())
