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
JUDGING = (*PAGE_VALUES, "hit_rate", "recall", "ndcg", AUC)


class MetricRecord(NamedTuple):
    """A metric that is not registered.

    Attributes:
      title: Display name.
      text: Definition in words, for reports and `ytdnn evaluate --explain`.
      less_is_better: Whether a better model has less of it.
      is_graded: Whether it grades a model. The truth itself is not best by the others:
        1 is the best ratio, and the least absolute error is that of the median, 0 where
        most impressions are not clicked. Nor is it best by how varied lists are.
    """

    title: str
    text: str
    less_is_better: bool = False
    is_graded: bool = True


LISTS = {
    DEBIASED: MetricRecord(
        "debiased hit rate",
        "right answers found among the first k, each weighted by one over its "
        "propensity, divided by the weights of all answers of all users (Yang et al., "
        "2018). Propensity: in proportion to the training watches, one at least, so "
        "that every video is as important as every other.",
    ),
    TRUE_WATCH_SECONDS: MetricRecord(
        "true watch seconds",
        "of a synthetic world: expected watch seconds of one page of the first k "
        "shown at the time of the request, by the world's own laws of clicks and "
        "watch time (ytdnn/lab/world/page_truth.py).",
    ),
    TRUE_CLICKS: MetricRecord(
        "true clicks",
        "of a synthetic world: expected clicks on that page.",
    ),
    TRUE_CLICKBAIT: MetricRecord(
        "true clickbait",
        "of a synthetic world: share of that page's videos that are clickbait, of the "
        "tenth of most appeal and of quality below the median.",
        less_is_better=True,
    ),
    COVERAGE: MetricRecord(
        "coverage",
        "distinct videos in the first k of all users' lists, divided by the videos of "
        "the candidate set. It grows with the number of users. Interval: jackknife, "
        "since bootstrap resamples repeat users and always cover less.",
    ),
    MEAN_POPULARITY: MetricRecord(
        "mean popularity",
        "popularity bias: training watches of a recommended video, averaged over the "
        "user's first k, then over users.",
    ),
    MEAN_AGE_DAYS: MetricRecord(
        "mean age, days",
        "days from upload to request of a recommended video, averaged over the user's "
        "first k, then over users; without upload time left out.",
    ),
    SIMILARITY: MetricRecord(
        "intra list similarity",
        "intra-list similarity (Ziegler et al., 2005): mean over all pairs of the "
        "first k videos of the cosine of their vectors "
        "(config.evaluation.similarity_by, else the first column of vectors), or of 1 "
        "for two videos of one topic, else 0; a mean over users.",
        less_is_better=True,
        is_graded=False,
    ),
    NOVELTY: MetricRecord(
        "novelty",
        "mean self-information of the first k videos, bits: -log2 of a video's share "
        "of the training watches, one added to each count (Zhou et al., 2010; Vargas "
        "and Castells, 2011); a mean over users.",
        is_graded=False,
    ),
    GINI: MetricRecord(
        "gini",
        "Gini index of how often each video of the candidate set is among the first k "
        "of all users' lists (Fleder and Hosanagar, 2009): 0 where all are listed "
        "alike, near 1 where a few take all places. Interval: jackknife over groups "
        "of users.",
        less_is_better=True,
        is_graded=False,
    ),
    **{
        name: MetricRecord(
            name.replace("_", " "),
            f"distinct values of {column} in the first k of all users' lists, divided "
            f"by those of the videos that lists can hold; interval as of coverage.",
            is_graded=False,
        )
        for name, column in COVERAGES.items()
    },
}
IMPRESSIONS = {
    AUC: MetricRecord(
        "AUC",
        "share of all pairs of a clicked and a not clicked impression in which the "
        "clicked one scores higher; a tie counts one half.",
    ),
    GROUPED_AUC: MetricRecord(
        "grouped AUC",
        "AUC of each user who has clicked and not clicked impressions, averaged with "
        "the user's number of impressions as weight (GAUC). A user's impressions are "
        "one list, ordered by what was known when it began.",
    ),
    PER_USER_LOSS: MetricRecord(
        "weighted per-user loss",
        "PAPER §4.3: over all pairs of a clicked and a not clicked impression on one "
        "page of one user, the watch time of clicked ones that score lower, divided "
        "by that of all clicked ones; a tie counts one half. Without page_id the "
        "impressions of a user in one second are a page.",
        less_is_better=True,
    ),
    LOG_LOSS: MetricRecord(
        "weighted log loss",
        "logistic loss with the weights of training (a click weighs its watch "
        "seconds, no click 1; without watch time all weigh 1), divided by the total "
        "weight. Of a model without such odds they are E[T] / (1 - P), from its "
        "seconds and click probability.",
        less_is_better=True,
    ),
    CLICK_LOG_LOSS: MetricRecord(
        "log loss of clicks",
        "plain logistic loss of the click probability, a mean over impressions; "
        "probabilities are cut to [1e-7, 1 - 1e-7].",
        less_is_better=True,
    ),
    XAUC: MetricRecord(
        "XAUC of watch seconds",
        "share of the pairs of impressions with different watch seconds (0 without a "
        "click) that predicted seconds order alike; a tie of predictions counts one "
        "half.",
    ),
    GROUPED_XAUC: MetricRecord(
        "grouped XAUC",
        "XAUC of each user who has a pair, averaged with the user's number of "
        "impressions as weight.",
    ),
    PAGE_NDCG: MetricRecord(
        "nDCG of the slate by watch seconds",
        "nDCG of each page with watch time, over the whole page, the gain of an "
        "impression its watch seconds and its discount 1 / log2(rank + 1); ties share "
        "the mean discount of their ranks. Mean over a user's pages, then over users.",
    ),
    LIST_NDCG: MetricRecord(
        "nDCG of each user's list",
        "nDCG of each user's list: all impressions shown to the user in the window, "
        "over pages and visits, the gain of an impression its watch seconds (clicks, "
        "without watch time), ordered by what was known when the list began; ties "
        "share the mean discount of their ranks. Mean over users with two impressions "
        "or more, some of them watched.",
    ),
    FIRST_QUARTER: MetricRecord(
        "share in the first quarter",
        "share of all watch seconds (clicks, without watch time) that the first "
        "quarter of the places of each user's list holds, over the lists of two "
        "impressions or more; a place at the cut counts by its part inside, ties "
        "share their places, so a random order has 0.25.",
    ),
    FIRST_HALF: MetricRecord(
        "share in the first half",
        "the same of the first half; a random order has 0.5.",
    ),
    ABSOLUTE_ERROR: MetricRecord(
        "mean absolute error, seconds",
        "mean over impressions of |predicted - watched| seconds. It is least for the "
        "median, 0 where most impressions are not clicked: even the truth is not best "
        "by it, and no gap is told.",
        less_is_better=True,
        is_graded=False,
    ),
    CALIBRATION_RATIO: MetricRecord(
        "predicted / watched seconds",
        "sum of predicted over sum of watched seconds; 1 is calibrated, above 1 too "
        "much is predicted.",
        is_graded=False,
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


def is_graded(metric: str) -> bool:
    """Whether a metric, `NAME` or `NAME@k`, grades models, the truth best of all."""
    part = _record(metric)
    return part is None or part.is_graded


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
