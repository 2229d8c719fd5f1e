"""Trainings by several devices or processes."""
