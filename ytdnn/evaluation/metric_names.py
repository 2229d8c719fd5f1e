"""What is known of a metric by its name alone; imports nothing, so anyone may."""

# A better model has less of these, and more of all others.
LESS_IS_BETTER = frozenset({"log_loss", "weighted_per_user_loss", "loss"})

# What a ranker of watch time is judged by, the best yardstick first: of the page by a
# world's truth, of the hits on any log with watch time.
TRUE_WATCH_SECONDS = "true_watch_seconds"
TRUE_CLICKS = "true_clicks"
HIT_WATCH_SECONDS = "hit_watch_seconds"
TRUE_PAGE = (TRUE_WATCH_SECONDS, TRUE_CLICKS)
PAGE_VALUES = (TRUE_WATCH_SECONDS, HIT_WATCH_SECONDS)
