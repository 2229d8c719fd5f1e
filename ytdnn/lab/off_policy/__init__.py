"""Off-policy estimates of a run's slates, from the propensities of its log."""
