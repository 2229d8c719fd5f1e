"""Nearest-neighbour search over the video vectors (PAPER §3.1; DESIGN §6).

One interface, `interface.Index`: `brute_force` is exact, in stock TensorFlow ops;
`scann_index` is approximate and the only module that imports ScaNN. `artifact` builds
both once for a trained candidate model and keeps them.
"""
