"""Properties of metrics by their names; imports no package, so it loads at once."""

from collections.abc import Collection

# Of a ratio of sums over users, in the table of users.
SIDES = NUMERATOR, DENOMINATOR = "numerator", "denominator"
# How varied lists are; coverage by the column of `videos`.
SIMILARITY = "intra_list_similarity"
NOVELTY = "novelty"
GINI = "gini"
COVERAGES = {
    "channel_coverage": "channel_id",
    "topic_coverage": "topic",
    "language_coverage": "language",
}
# A better model has less of these, and more of all others.
LESS_IS_BETTER = frozenset(
    {
        "log_loss",
        "click_log_loss",
        "weighted_per_user_loss",
        "mae_seconds",
        "loss",
        "true_clickbait",
        SIMILARITY,
        GINI,
    }
)
# The truth itself is not best by these: 1 is the best ratio, and the least absolute
# error is that of the median, 0 where most impressions are not clicked. Nor is it best
# by how varied lists are.
NOT_GRADED = frozenset(
    {
        "calibration_ratio",
        "mae_seconds",
        SIMILARITY,
        NOVELTY,
        GINI,
        *COVERAGES,
    }
)

# What a ranker of watch time is judged by, the best yardstick first: of the page by a
# world's truth, of the hits on any log with watch time.
TRUE_WATCH_SECONDS = "true_watch_seconds"
TRUE_CLICKS = "true_clicks"
TRUE_CLICKBAIT = "true_clickbait"
HIT_WATCH_SECONDS = "hit_watch_seconds"
TRUE_PAGE = (TRUE_WATCH_SECONDS, TRUE_CLICKS, TRUE_CLICKBAIT)
PAGE_VALUES = (TRUE_WATCH_SECONDS, HIT_WATCH_SECONDS)
# What a comparison of two systems is decided by, the best yardstick first.
JUDGING = (*PAGE_VALUES, "hit_rate", "recall", "ndcg", "auc")


def judging_pages(known: Collection[str], k: int) -> list[str]:
    """Returns the metric to show first of a system's lists: the best one available.

    Hit rate is no measure of a second stage (DESIGN §9), so it is shown only without
    watch time.

    Args:
      known: Measured metrics, as `MODEL/METRIC@K`.
      k: Length of the list.

    >>> judging_pages(["system/hit_rate@10", "system/true_watch_seconds@10"], k=10)
    ['system/true_watch_seconds@10']
    """
    for stem in (*PAGE_VALUES, "hit_rate"):
        name = f"system/{stem}@{k}"
        if name in known:
            return [name]
    return []
