"""The synthetic world: a small video service with known truth, in pure NumPy.

`generate.generate(configs.World())` gives the event log of a corpus, its users and
their behaviour, by seed.
"""
