"""Experiment trackers: settings, epochs and results of a run, where a team keeps them.

A tracker is a part of `registries.TRACKERS`: `mlflow`, `wandb`, or one of a package.
"""
