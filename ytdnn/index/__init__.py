"""Nearest-neighbour search over the video vectors (PAPER §3.1; DESIGN §6).

One interface, `interface.Index`, and three kinds: `brute_force` (exact) and `lsh`
(hashing) in stock TensorFlow ops, `scann_index`, the only module that imports ScaNN.
`artifact` builds those of a run once for a trained candidate model and keeps them;
`tune` finds the cheapest settings that reach a recall, among those of `spaces`.
"""
