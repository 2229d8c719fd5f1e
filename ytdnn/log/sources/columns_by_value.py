"""Columns recognised by their values, where their names say nothing.

Names are of any language, values less so: a title is a text of several words, a place
on a page a small number that occurs once there. All that is found so is a guess.
"""

import re
from collections.abc import Callable, Mapping

import polars as pl

from ytdnn.base import schema
from ytdnn.log.sources import casting

_SHARE = 0.9  # of values that speak for a guess
_GENDERS = "f m w k h d x u n o female male woman man frau herr other unknown"
_DEVICES = re.compile(
    r"mobil|desktop|comput|tablet|phone|android|\bios\b|\btv\b|\bweb\b|browser|laptop"
)
_BORN, _AGES = (1900, 2020), (5, 110)
_ID = re.compile(
    r"(?i:(^|[^a-z])(id|cd|code|slug|key|ref|uid)([^a-z]|$))|(Id|ID|Cd|Code|Slug|Key)$"
)
_HOUR = 3_600
_MOST_PLACES = 200
_LEVELS = 4

Columns = list[str]


class Guesser:
    """Finds columns of a file by their values.

    Attributes:
      rows: The first rows of the file.
      known: Its known columns, by the schema's names, ids of users for events.
      seconds: Time of each event; None without.
      free: Columns that nothing is known of.
      times: Those that can be times.
      units: Those with a unit of time in their names.
    """

    def __init__(
        self,
        rows: pl.DataFrame,
        known: Mapping[str, str],
        seconds: pl.Series | None,
        times: Columns,
        units: Columns,
    ) -> None:
        """Stores what is known; see the class."""
        self.rows, self.known, self.seconds = rows, known, seconds
        self.times, self.units = times, units
        used = known.values()
        names = [name for name in rows.columns if name not in used]
        self.free = [name for name in names if rows[name].drop_nulls().len()]

    def find(self, table: str, column: str) -> Columns:
        """Returns the candidates for a column of a table, the likeliest first."""
        finder = _FINDERS.get(table, {}).get(column)
        return finder(self) if finder else []

    def _those(self, is_one: Callable[[pl.Series], object]) -> Columns:
        return [n for n in self.free if is_one(self.rows[n].drop_nulls())]

    def titles(self) -> Columns:
        """Returns texts of several words, nearly all different, the shortest first."""
        names = self._those(is_prose)
        lengths = {n: self.rows[n].str.len_chars().mean() for n in names}
        return sorted(names, key=lambda name: lengths[name] or 0)

    def durations(self) -> Columns:
        """Returns numbers with a unit in their names, and clock times."""
        return self._those(lambda v: v.name in self.units or _is_clock(v))

    def categories(self) -> Columns:
        """Returns texts with few values, each of many rows, the fewest first."""
        names = self._those(lambda v: v.dtype == pl.String and 2 < v.n_unique() <= 50)
        number = {name: self.rows[name].n_unique() for name in names}
        several = [n for n in names if number[n] * 5 <= self.rows.height]
        # Three or four kinds are rather levels or sizes.
        return sorted(several, key=lambda name: (number[name] <= _LEVELS, number[name]))

    def languages(self) -> Columns:
        """Returns codes as "en" or "pt-BR"."""
        return self._those(lambda v: _match(v, r"^[a-z]{2}([-_][A-Za-z]{2})?$"))

    def countries(self) -> Columns:
        """Returns codes as "BR"."""
        return self._those(lambda v: _match(v, r"^[A-Z]{2}$"))

    def genders(self) -> Columns:
        """Returns columns with the letters and words of genders alone."""
        return self._those(_is_gender)

    def ages(self) -> Columns:
        """Returns years of birth, or ages."""
        return self._those(lambda v: _is_within(v, *_BORN) or _is_within(v, *_AGES))

    def devices(self) -> Columns:
        """Returns columns with few values, words of devices among them."""
        return self._those(_is_device)

    def moments(self) -> Columns:
        """Returns columns of times."""
        return [name for name in self.free if name in self.times]

    def makers(self) -> Columns:
        """Returns ids, by a word of their names, that several videos share."""
        names = [n for n in self.free if _ID.search(n) and n not in self.units]
        most = self.rows.height / 2
        shared = [n for n in names if 2 < self.rows[n].n_unique() <= most]
        kinds = [n for n in self.categories() if self.rows[n].n_unique() > _LEVELS]
        return shared or kinds[1:][-1:]

    def flags(self) -> Columns:
        """Returns the column with two values, as yes and no, that others imply."""
        true = {name: self._is_true(name) for name in self._those(is_flag)}
        most = max(true, key=lambda name: true[name].sum(), default="")
        is_one = all((true[most] | ~other).all() for other in true.values())
        return [most] if true and is_one else []

    def _is_true(self, name: str) -> pl.Series:
        texts = self.rows[name].cast(pl.String).str.strip_chars().str.to_lowercase()
        return texts.is_in(casting.TRUE).fill_null(value=False)

    def amounts(self) -> Columns:
        """Returns durations, else the one column of numbers of many sizes."""
        names = self._those(_is_amount)
        return self.durations() or (names if len(names) == 1 else [])

    def watched(self) -> Columns:
        """Returns numbers that the clicked impressions have, and no others."""
        if schema.CLICKED not in self.known:
            return []
        clicked = self._is_true(self.known[schema.CLICKED])

        def is_watched(values: pl.Series) -> bool:
            column = self.rows[values.name]
            if not column.dtype.is_numeric() or values.n_unique() < 3:
                return False
            has_some = column.fill_null(0) > 0
            with_click, others = (has_some & clicked).sum(), (has_some & ~clicked).sum()
            return with_click * 2 > clicked.sum() and others * 9 < with_click

        return self._those(is_watched)

    def pages(self) -> Columns:
        """Returns ids of several events of one user within an hour."""
        return self._those(self._is_page)

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

        return self._those(is_place)

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


_FINDERS: dict[str, dict[str, Callable[[Guesser], Columns]]] = {
    schema.IMPRESSIONS: {
        schema.CLICKED: Guesser.flags,
        schema.WATCH_SECONDS: Guesser.watched,
        schema.PAGE_ID: Guesser.pages,
        schema.POSITION: Guesser.places,
        schema.DEVICE: Guesser.devices,
        schema.SOURCE: Guesser.categories,
    },
    schema.WATCHES: {
        schema.WATCH_SECONDS: Guesser.amounts,
        schema.DEVICE: Guesser.devices,
    },
    schema.VIDEOS: {
        schema.TITLE: Guesser.titles,
        schema.DURATION_SECONDS: Guesser.durations,
        schema.UPLOAD_TIME: Guesser.moments,
        schema.LANGUAGE: Guesser.languages,
        schema.CHANNEL_ID: Guesser.makers,
        schema.TOPIC: Guesser.categories,
    },
    schema.USERS: {
        schema.GENDER: Guesser.genders,
        schema.AGE: Guesser.ages,
        schema.COUNTRY: Guesser.countries,
        schema.LANGUAGE: Guesser.languages,
    },
}


def signs(rows: pl.DataFrame) -> int:
    """Returns how much more the columns look like those of users than of videos."""
    total = 0
    for values in rows:
        known = values.drop_nulls()
        if known.len():
            total += _is_gender(known) or _is_within(known, *_BORN)
            total -= is_prose(known) or _is_clock(known)
    return total


def is_prose(values: pl.Series) -> bool:
    """Whether values are texts of several words, and most of them differ."""
    if values.dtype != pl.String or values.n_unique() * 2 < values.len():
        return False
    num_spaces = values.str.count_matches(r"\s\S").sum()
    return num_spaces >= values.len() and not values.str.contains("://").any()


def is_flag(values: pl.Series) -> bool:
    """Whether values are of two kinds, true and false by some words."""
    if values.dtype == pl.Boolean:
        return values.n_unique() == 2
    if not (values.dtype == pl.String or values.dtype.is_integer()):
        return False
    texts = values.unique().cast(pl.String).str.strip_chars().str.to_lowercase()
    true, false = texts.is_in(casting.TRUE), texts.is_in(casting.FALSE)
    return bool(texts.len() == 2 and true.any() and false.any())


def _is_amount(values: pl.Series) -> bool:
    if not values.dtype.is_numeric() or values.n_unique() <= _MOST_PLACES / 2:
        return False
    is_key = values.n_unique() == values.len() and values.dtype.is_integer()
    return bool((values >= 0).all()) and not is_key


def _match(values: pl.Series, pattern: str) -> bool:
    is_text = values.dtype == pl.String and values.n_unique() > 1
    return is_text and values.str.contains(pattern).sum() > _SHARE * values.len()


def _is_clock(values: pl.Series) -> bool:
    return _match(values, r"^\d{1,3}(:[0-5]\d){1,2}([.,]\d+)?$")


def _is_gender(values: pl.Series) -> bool:
    if values.dtype != pl.String or not 2 <= values.n_unique() <= 5:
        return False
    texts = values.str.to_lowercase().str.strip_chars()
    is_letter = (texts.str.len_chars() == 1).all() and texts.n_unique() <= 3
    is_other = is_letter and not is_flag(values)
    return bool(texts.is_in(_GENDERS.split()).all() or is_other)


def _is_within(values: pl.Series, least: int, most: int, fewest: int = 9) -> bool:
    if not values.dtype.is_integer() or values.n_unique() <= fewest:
        return False
    return bool(values.cast(pl.Int64, strict=False).is_between(least, most).all())


def _is_device(values: pl.Series) -> bool:
    if values.dtype != pl.String or not 2 <= values.n_unique() <= 20:
        return False
    texts = values.unique().str.to_lowercase()
    return sum(bool(_DEVICES.search(text)) for text in texts) >= 2
