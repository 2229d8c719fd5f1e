"""Which column of the schema a name means, in many languages (`column_words.toml`).

A name is split into words. It can be that of a column if one of them is a word of that
column, and all others are of it or are fillers of its kind.
"""

import functools
import importlib.resources
import re
import tomllib
import unicodedata
from collections.abc import Iterable

from ytdnn.base import errors, schema, table_schemas

DURATIONS = (schema.WATCH_SECONDS, schema.DURATION_SECONDS)
# Columns that one word of a name, beside unknown ones, is no guess for.
_ONLY_WHOLE = {
    *(schema.USER_ID, schema.VIDEO_ID, schema.TIME, schema.ORDER, schema.SPLIT),
    *(schema.SEED_VIDEO_ID, schema.SCORE, schema.PROPENSITY, schema.COMPLETED),
}
_FEWEST_LETTERS = 3  # of a word that is short for another
_COMPOUND = 4  # letters of a word at the end of another, as in Voorkeurstaal
_ALIKE = 0.75  # of names with a slip: "langue" for language
SPECS = {c.name: c for table in table_schemas.TABLES.values() for c in table.columns}
_WORDS: dict[str, dict[str, str]] = tomllib.loads(
    (importlib.resources.files(__package__) / "column_words.toml").read_text("utf-8")
)


@functools.cache
def words_in(section: str, name: str) -> set[str]:
    """Returns the words of a column, a kind or a file."""
    columns = _WORDS["columns"]
    text = _WORDS[section].get(name, "").replace("UNITS", " ".join(_WORDS["units"]))
    text = text.replace("VIDEO", columns[schema.VIDEO_ID])
    return set(plain(text.replace("USER", columns[schema.USER_ID])).split())


def words_of(name: str) -> set[str]:
    """Returns the words of a name, in lower case: "userID" is user and id."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", " ", plain(name)).lower()
    parts = re.sub(r"\b(th\w*mbs?) (up|down)\b", r"\1\2", parts)
    return set(re.sub(r"(?<=[a-z]{3})id\b", " id", parts).split())


def plain(text: str) -> str:
    """Returns text without accents."""
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text))


def factor_of(name: str) -> str | None:
    """Returns the factor of the unit in a name, such as "*60"; None without a unit."""
    words, units = words_of(name), _WORDS["units"].items()
    return next((factor for unit, factor in units if words & set(unit.split())), None)


def has_word(name: str, section: str, of: str) -> bool:
    """Whether a name has a word of a column, a kind or a file."""
    return not words_of(name).isdisjoint(words_in(section, of))


def is_share(name: str) -> bool:
    """Whether a name is that of a share or a percentage."""
    return has_word(name, "fillers", "share")


def is_called(name: str, column: str) -> bool:
    """Whether a name has the words of a schema column."""
    words, own = words_of(name), words_in("columns", column)
    fillers = words_in("fillers", SPECS[column].kind)
    if column == schema.SEED_VIDEO_ID:  # a video on another one's page
        videos = words_in("columns", schema.VIDEO_ID)
        own, fillers = own if words & videos else set(), fillers | videos
    return name == column or (bool(words & own) and words <= own | fillers)


def is_partly_called(name: str, column: str) -> bool:
    """Whether a name has a word of a schema column, beside unknown ones, or a slip.

    Or one that is short for a word: "ctgr" is category, "instr" instructor.
    """
    if is_share(name) and SPECS[column].kind == "boolean":
        return False
    if errors.closest(name, [column], _ALIKE):
        return True
    words = words_of(name)
    is_guessed = column not in _ONLY_WHOLE and "not" not in words
    own = words_in("columns", column) if is_guessed else set()
    return any(word in own or _is_near(word, own, column) for word in words)


def is_known(name: str, column: str) -> bool:
    """Whether each word of a name is a column's, near to one, or a filler."""
    own = words_in("columns", column)
    known = own | words_in("fillers", SPECS[column].kind)
    return all(word in known or _is_near(word, own, column) for word in words_of(name))


def _is_near(word: str, words: Iterable[str], column: str) -> bool:
    """Whether a word is short for another one, or ends with it, as compounds do.

    Short is one with its first consonants, each once in a row.
    """
    is_flag = SPECS[column].kind == "boolean"  # "unliked" is not liked
    if word.endswith(tuple(w for w in words if len(w) >= _COMPOUND and not is_flag)):
        return True
    longer = (each for each in words if len(each) > len(word) >= _FEWEST_LETTERS)
    return any(_consonants(each).startswith(word) for each in longer)


def _consonants(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word[0] + re.sub("[aeiouy]", "", word[1:]))


def meant(names: Iterable[str], columns: Iterable[str]) -> tuple[str, str]:
    """Returns the likeliest of some names and the schema column it means, or ("", "").

    >>> meant(["langue", "plan"], ["language", "title"])
    ('langue', 'language')
    """
    pairs = [(name, column) for name in names for column in columns]
    ways = (is_called, is_partly_called)
    return next((p for way in ways for p in pairs if way(*p)), ("", ""))
