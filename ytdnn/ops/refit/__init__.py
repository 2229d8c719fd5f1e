"""Refits: the models of a run, trained again to the end of its log."""
