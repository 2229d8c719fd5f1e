"""Nearest-neighbour search over the video vectors (PAPER §3.1; DESIGN §6).

One interface, `interface.Index`, and three kinds: `brute_force` (exact) and `ivf`
(inverted lists) in stock TensorFlow ops, and `scann_index`, which alone imports ScaNN.
`artifact` builds those of a run once for a trained candidate model, and keeps them.
"""
