"""Off-policy estimates of the pages of a run, from the propensities of its log."""
