"""Benchmarks: run from the root as `python -m experiments.benchmarks.NAME`."""

import ytdnn

# Imported before TensorFlow by every benchmark: it selects Keras 2.
assert ytdnn.__version__
