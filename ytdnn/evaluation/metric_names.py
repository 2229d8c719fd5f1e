"""What is known of a metric by its name alone; imports nothing, so anyone may."""

# A better model has less of these, and more of all others.
LESS_IS_BETTER = frozenset(
    {"log_loss", "click_log_loss", "weighted_per_user_loss", "mae_seconds", "loss"}
)
# The truth itself is not best by these: 1 is the best ratio, and the least absolute
# error is that of the median, 0 where most impressions are not clicked.
NOT_GRADED = frozenset({"calibration_ratio", "mae_seconds"})
