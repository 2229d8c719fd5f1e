"""Words the world is written in: topics, countries, languages, titles and queries.

A topic is a branch of the tree, and each of its words a leaf ("guitar" → "riff").
Titles and queries take their words from the same leaves, each in the video's or the
user's language, so a search shares its words with the videos it finds.
"""

import functools
import re

TOPICS: dict[str, tuple[str, ...]] = {
    "guitar": ("solo", "chords", "riff", "amp", "fingerstyle", "tuning"),
    "baking": ("sourdough", "cake", "pastry", "crust", "frosting", "yeast"),
    "chess": ("endgame", "gambit", "blitz", "checkmate", "opening", "pawn"),
    "football": ("goals", "penalty", "derby", "striker", "keeper", "transfer"),
    "astronomy": ("telescope", "nebula", "eclipse", "comet", "galaxy", "orbit"),
    "gardening": ("tomatoes", "compost", "pruning", "seedlings", "roses", "soil"),
    "cycling": ("climb", "gravel", "sprint", "saddle", "descent", "peloton"),
    "comedy": ("sketch", "standup", "prank", "parody", "improv", "roast"),
    "coding": ("python", "compiler", "debugging", "refactor", "terminal", "kernel"),
    "makeup": ("eyeliner", "lipstick", "palette", "skincare", "contour", "brushes"),
    "cars": ("engine", "drift", "restoration", "turbo", "gearbox", "roadtrip"),
    "history": ("empire", "medieval", "revolution", "castle", "dynasty", "archive"),
    "cats": ("kitten", "purring", "tabby", "whiskers", "napping", "catnip"),
    "fishing": ("trout", "lure", "river", "bait", "carp", "kayak"),
    "yoga": ("stretch", "balance", "breathing", "flow", "posture", "calm"),
    "minecraft": ("redstone", "creeper", "survival", "biome", "modded", "village"),
    "travel": ("island", "backpack", "market", "train", "desert", "harbour"),
    "woodwork": ("dovetail", "lathe", "walnut", "joinery", "bench", "chisel"),
    "economics": ("inflation", "stocks", "trade", "budget", "interest", "growth"),
    "dance": ("salsa", "choreography", "ballet", "footwork", "battle", "tango"),
}
LEAVES_PER_TOPIC = 6

# What a title says beside its subject; the second half draws the eye (clickbait).
MODEST = ("tutorial", "review", "live", "guide", "basics", "story", "daily", "part")
LOUD = ("shocking", "insane", "secret", "exposed", "epic", "unbelievable")

LANGUAGES = ("en", "pt", "de", "ja", "es")
ENGLISH = LANGUAGES.index("en")

# Country, its language, its share of users.
COUNTRIES: tuple[tuple[str, str, float], ...] = (
    ("US", "en", 0.30),
    ("GB", "en", 0.15),
    ("BR", "pt", 0.20),
    ("DE", "de", 0.15),
    ("JP", "ja", 0.12),
    ("MX", "es", 0.08),
)

GENDERS = ("female", "male")
DEVICES = ("phone", "desktop", "tv", "tablet")
DEVICE_SHARES = (0.55, 0.25, 0.12, 0.08)  # of visits at the age of DEVICE_AGE
DEVICE_AGE = 33
DEVICE_YEARS = (-12.0, 25.0, 14.0, 20.0)  # years of age that an odds of e takes

_ENDINGS = {"pt": "inho", "de": "chen", "es": "ito"}
_KANA = {
    "": "アイウエオ",
    "k": "カキクケコ",
    "g": "ガギグゲゴ",
    "s": "サシスセソ",
    "z": "ザジズゼゾ",
    "t": "タチツテト",
    "d": "ダヂヅデド",
    "n": "ナニヌネノ",
    "h": "ハヒフヘホ",
    "b": "バビブベボ",
    "p": "パピプペポ",
    "m": "マミムメモ",
    "y": "ヤイユエヨ",
    "r": "ラリルレロ",
    "w": "ワウウエヲ",
}
_SOUNDS_LIKE = {"c": "k", "q": "k", "x": "k", "j": "z", "v": "b", "f": "h", "l": "r"}


def topic_name(topic: int) -> str:
    """Returns the name of topic number `topic`; there is no last one.

    >>> topic_name(0), topic_name(20)
    ('guitar', 'guitar2')
    """
    return f"{list(TOPICS)[topic % len(TOPICS)]}{_suffix(topic)}"


def leaf_word(leaf: int) -> str:
    """Returns the word that names a leaf among the leaves of its topic.

    >>> leaf_word(2), leaf_word(122)
    ('riff', 'riff2')
    """
    topic, branch = divmod(leaf, LEAVES_PER_TOPIC)
    leaves = list(TOPICS.values())[topic % len(TOPICS)]
    return f"{leaves[branch]}{_suffix(topic)}"


def _suffix(topic: int) -> str:
    return "" if topic < len(TOPICS) else str(topic // len(TOPICS) + 1)


@functools.lru_cache(maxsize=100_000)
def in_language(word: str, language: int) -> str:
    """Returns a word as the language has it.

    >>> [in_language("riff", i) for i in range(5)]
    ['riff', 'riffinho', 'riffchen', 'リフフ', 'riffito']
    """
    name = LANGUAGES[language]
    return _in_kana(word) if name == "ja" else word + _ENDINGS.get(name, "")


def join(parts: list[str], language: int) -> str:
    """Returns words as a phrase; Japanese writes no spaces.

    >>> join(["カケ", "グイデ"], 3), join(["cake", "guide"], 0)
    ('カケグイデ', 'cake guide')
    """
    return ("" if LANGUAGES[language] == "ja" else " ").join(parts)


def _in_kana(word: str) -> str:
    """Spells a word in katakana, a lone consonant with u."""

    def spelled(sound: re.Match[str]) -> str:
        consonant = _SOUNDS_LIKE.get(sound[1], sound[1])
        return _KANA[consonant]["aiueo".index(sound[2] or "u")]

    return re.sub(r"(?=[a-z])([^aiueo]?)([aiueo]?)", spelled, word)  # but for digits
