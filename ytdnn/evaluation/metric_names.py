"""What is known of a metric by its name alone; imports nothing, so anyone may."""

# A better model has less of these, and more of all others.
LESS_IS_BETTER = frozenset({"log_loss", "weighted_per_user_loss", "loss"})
