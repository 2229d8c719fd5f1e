"""The truth of a world's log, for evaluations of runs on it."""
