"""Counters for stock TensorFlow Serving: versions in which only they are new."""
