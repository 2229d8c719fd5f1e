"""Refreshes: continue the training of a run's models on newer events."""
