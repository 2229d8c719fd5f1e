"""Refreshes: the models of a run go on learning with the events since."""
