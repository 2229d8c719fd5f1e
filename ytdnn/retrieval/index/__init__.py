"""Nearest-neighbour search over the video vectors (PAPER §3.1; DESIGN §6).

One interface, `interface.Index`, and four kinds: `brute_force` (exact), `ivf` (inverted
lists) and `lsh` (hashing) in stock TensorFlow ops, and `scann_index`, the only module
that imports ScaNN. `artifact` builds those of a run once for a trained candidate model
and keeps them; `tune` finds the cheapest settings that reach a recall.
"""
