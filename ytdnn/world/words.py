"""Words the world is written in: topics, countries and their languages."""

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
    "minecraft": ("redstone", "creeper", "survival", "castle", "modded", "village"),
    "travel": ("island", "backpack", "market", "train", "desert", "harbour"),
    "woodwork": ("dovetail", "lathe", "walnut", "joinery", "bench", "chisel"),
    "economics": ("inflation", "markets", "trade", "budget", "interest", "growth"),
    "dance": ("salsa", "choreography", "ballet", "footwork", "battle", "tango"),
}

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
DEVICE_SHARES = (0.55, 0.25, 0.12, 0.08)


def topic_words(topic: int) -> tuple[str, tuple[str, ...]]:
    """Returns the name of topic number `topic` and its words; there is no last one."""
    names = list(TOPICS)
    name = names[topic % len(names)]
    words = TOPICS[name]
    if topic < len(names):
        return name, words
    suffix = topic // len(names) + 1
    return f"{name}{suffix}", tuple(f"{word}{suffix}" for word in words)
