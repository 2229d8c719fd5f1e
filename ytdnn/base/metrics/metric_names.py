"""Names of metrics, `NAME` or `NAME@k`, and a record of each: title, text, direction.

Metrics of lists that are functions are registered with them (`registries.METRICS`
and `IMPRESSION_METRICS`); `LISTS` and `IMPRESSIONS` are the records of all others.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from ytdnn.base import registries

# Of a ratio of sums over users, in the table of users.
SIDES = NUMERATOR, DENOMINATOR = "numerator", "denominator"

# Of lists.
DEBIASED = "debiased_hit_rate"
TRUE_WATCH_SECONDS = "true_watch_seconds"
TRUE_CLICKS = "true_clicks"
TRUE_CLICKBAIT = "true_clickbait"
HIT_WATCH_SECONDS = "hit_watch_seconds"
COVERAGE = "coverage"
MEAN_POPULARITY = "mean_popularity"
MEAN_AGE_DAYS = "mean_age_days"
SIMILARITY = "intra_list_similarity"
NOVELTY = "novelty"
GINI = "gini"
# Coverage by the column of `videos`.
COVERAGES = {
    "channel_coverage": "channel_id",
    "topic_coverage": "topic",
    "language_coverage": "language",
}
# Of impressions.
AUC = "auc"
GROUPED_AUC = "grouped_auc"
PER_USER_LOSS = "weighted_per_user_loss"
LOG_LOSS = "log_loss"
CLICK_LOG_LOSS = "click_log_loss"
CLICK_CALIBRATION = "click_calibration_ratio"
XAUC = "xauc"
GROUPED_XAUC = "grouped_xauc"
PAGE_NDCG = "page_ndcg_by_seconds"
LIST_NDCG = "list_ndcg"
FIRST_QUARTER = "first_quarter_share"
FIRST_HALF = "first_half_share"
ABSOLUTE_ERROR = "mae_seconds"
CALIBRATION_RATIO = "calibration_ratio"

# What a ranker of watch time is judged by, the best yardstick first: of the page by a
# world's truth, of the hits on any log with watch time.
TRUE_PAGE = (TRUE_WATCH_SECONDS, TRUE_CLICKS, TRUE_CLICKBAIT)
PAGE_VALUES = (TRUE_WATCH_SECONDS, HIT_WATCH_SECONDS)
# What a comparison of two systems is decided by, the best yardstick first.
REQUESTS = "requests/"  # before the MODEL of a number by the protocol `requests`
JUDGING = (*PAGE_VALUES, "hit_rate", "recall", "ndcg", AUC)


class MetricRecord(NamedTuple):
    """A metric that is not registered.

    Attributes:
      title: Display name.
      text: Definition in words, for reports and `ytdnn evaluate --explain`.
      less_is_better: Whether a better model has less of it.
    """

    title: str
    text: str
    less_is_better: bool = False


LISTS = {
    DEBIASED: MetricRecord(
        "debiased hit rate",
        "right answers among the first k, each weighted by one over its training "
        "watches, divided by the weights of all answers (Yang et al., 2018).",
    ),
    TRUE_WATCH_SECONDS: MetricRecord(
        "true watch seconds",
        "of a synthetic world: expected watch seconds of the first k as one slate, "
        "shown at the time of the request.",
    ),
    TRUE_CLICKS: MetricRecord(
        "true clicks", "of a synthetic world: expected clicks on that slate."
    ),
    TRUE_CLICKBAIT: MetricRecord(
        "true clickbait",
        "of a synthetic world: share of that slate's videos that are clickbait, of the "
        "tenth of most appeal and of quality below the median.",
        less_is_better=True,
    ),
    COVERAGE: MetricRecord(
        "coverage",
        "distinct videos in the first k of all users' lists, divided by the videos of "
        "the candidate set. It grows with the number of users. Interval: jackknife.",
    ),
    MEAN_POPULARITY: MetricRecord(
        "mean popularity",
        "training watches of a recommended video, averaged over the user's first k, "
        "then over users.",
    ),
    MEAN_AGE_DAYS: MetricRecord(
        "mean age, days",
        "days from upload to request of a recommended video, averaged likewise.",
    ),
    SIMILARITY: MetricRecord(
        "intra list similarity",
        "intra-list similarity (Ziegler et al., 2005): mean cosine over all pairs of "
        "the first k videos by the first column of vectors; without one, 1 for two "
        "videos of one topic (else channel), 0 otherwise.",
        less_is_better=True,
    ),
    NOVELTY: MetricRecord(
        "novelty",
        "mean self-information of the first k videos, bits: -log2 of a video's share "
        "of the training watches (Zhou et al., 2010; Vargas and Castells, 2011).",
    ),
    GINI: MetricRecord(
        "gini",
        "Gini index of how often each video is among the first k of all users' lists "
        "(Fleder and Hosanagar, 2009): 0 where all are listed alike. Interval: "
        "jackknife over groups of users.",
        less_is_better=True,
    ),
    **{
        name: MetricRecord(
            name.replace("_", " "),
            f"distinct values of {column} in the first k of all users' lists, divided "
            f"by those that lists can hold; interval as of coverage.",
        )
        for name, column in COVERAGES.items()
    },
}
IMPRESSIONS = {
    AUC: MetricRecord(
        "AUC",
        "share of all pairs of a clicked and a not clicked impression in which the "
        "clicked one has the higher click probability (score, of a system without "
        "any prediction); a tie counts one half. Expected seconds have none.",
    ),
    GROUPED_AUC: MetricRecord(
        "grouped AUC",
        "AUC within each user, averaged with the user's impressions as weight (GAUC), "
        "by what was known when the user's list began.",
    ),
    PER_USER_LOSS: MetricRecord(
        "weighted per-user loss",
        "PAPER §4.3: over all pairs of a clicked and a not clicked impression on one "
        "slate, the watch time of clicked ones that score lower, divided by that of "
        "all clicked ones; a tie counts one half.",
        less_is_better=True,
    ),
    LOG_LOSS: MetricRecord(
        "weighted log loss",
        "logistic loss with the weights of training (a click weighs its watch "
        "seconds, no click 1), divided by the total weight. Odds of a model without "
        "them are E[T] / (1 - P).",
        less_is_better=True,
    ),
    CLICK_LOG_LOSS: MetricRecord(
        "log loss of clicks",
        "logistic loss of the click probability, cut to [1e-7, 1 - 1e-7].",
        less_is_better=True,
    ),
    CLICK_CALIBRATION: MetricRecord(
        "predicted / observed clicks",
        "sum of click probabilities over number of clicks; 1 is calibrated.",
    ),
    XAUC: MetricRecord(
        "XAUC of watch seconds",
        "share of the pairs of impressions with different watch seconds (0 without a "
        "click) that predicted seconds order alike; a tie counts one half.",
    ),
    GROUPED_XAUC: MetricRecord(
        "grouped XAUC",
        "XAUC within each user, averaged with the user's impressions as weight.",
    ),
    PAGE_NDCG: MetricRecord(
        "nDCG of the slate by watch seconds",
        "nDCG of each slate with watch time, the gain of an impression its watch "
        "seconds; ties share the mean discount of their ranks. Mean over a user's "
        "slates, then over users.",
    ),
    LIST_NDCG: MetricRecord(
        "nDCG of each user's list",
        "the same of all impressions shown to a user in the window as one list, "
        "ordered by what was known when it began. Without watch time gains are clicks.",
    ),
    FIRST_QUARTER: MetricRecord(
        "share in the first quarter",
        "share of all watch seconds (clicks, without watch time) in the first quarter "
        "of the places of each user's list; a random order has 0.25.",
    ),
    FIRST_HALF: MetricRecord(
        "share in the first half",
        "the same of the first half; a random order has 0.5.",
    ),
    ABSOLUTE_ERROR: MetricRecord(
        "mean absolute error, seconds",
        "mean over impressions of |predicted - watched| seconds. It is least for the "
        "median, 0 where most impressions are not clicked.",
        less_is_better=True,
    ),
    CALIBRATION_RATIO: MetricRecord(
        "predicted / watched seconds",
        "sum of predicted over sum of watched seconds; 1 is calibrated.",
    ),
}
_RECORDS = LISTS | IMPRESSIONS | {"loss": MetricRecord("loss", "", less_is_better=True)}


def at(name: str, k: int | str) -> str:
    """Returns the name of a metric of lists of one length.

    >>> at("ndcg", 10)
    'ndcg@10'
    """
    return f"{name}@{k}"


def stem(metric: str) -> str:
    """Returns the name of a metric without its length.

    >>> stem("ndcg@10"), stem("auc")
    ('ndcg', 'auc')
    """
    return metric.partition("@")[0]


def length(metric: str) -> str:
    """Returns the length in the name of a metric of lists, empty without one.

    >>> length("ndcg@10"), length("auc")
    ('10', '')
    """
    return metric.partition("@")[2]


def _record(metric: str) -> Any:
    """Returns the record of a metric, `NAME` or `NAME@k`; None without one."""
    name = stem(metric)
    registered = registries.METRICS.get(name) or registries.IMPRESSION_METRICS.get(name)
    return registered or _RECORDS.get(name)


def less_is_better(metric: str) -> bool:
    """Whether a lower value of a metric, `NAME` or `NAME@k`, is better."""
    part = _record(metric)
    return part is not None and part.less_is_better


def title(metric: str) -> str:
    """Returns the display name of a metric, its length kept: `ndcg@10` → `nDCG@10`."""
    part, name = _record(metric), stem(metric)
    words = (part.title if part else "") or name.replace("_", " ")
    return words + metric.removeprefix(name)


def text(name: str) -> str:
    """Returns the definition of a metric without its length, empty without one."""
    part = _record(name)
    return part.text if part else ""


def defaults() -> list[str]:
    """Returns the names of the registered metrics that are always measured."""
    parts = registries.METRICS
    return [name for name in parts.own() if parts[name].is_default]


def judging_pages(known: Collection[str], k: int) -> list[str]:
    """Returns the metric to show first of a system's lists: the best one available.

    Hit rate is no measure of a second stage (DESIGN §9), so it is shown only without
    watch time.

    Args:
      known: Names of the measured metrics, `MODEL/METRIC@K`.
      k: Length of the list.

    >>> judging_pages(["system/hit_rate@10", "system/true_watch_seconds@10"], k=10)
    ['system/true_watch_seconds@10']
    """
    for metric in (*PAGE_VALUES, "hit_rate"):
        name = f"system/{at(metric, k)}"
        if name in known:
            return [name]
    return []
