"""The synthetic world: a video service with known truth, in pure NumPy.

`generate.World(config)` is the corpus and its users, by seed; `tables.parts_of(world)`
plays them into an event log, a crowd at a time; `truth` gives the true click
probability and watch seconds of any user, video and time. With `live_days` the world
continues after the end of its log and shows the pages of any policy (`policy.Policy`):
live tests of recommenders are run on it.

The world does not depend on any model's features. After a change of the world, all
experiments on it must be measured again.

    words → corpus → popularity → people → interests → responses
                                              memory → policy → behaviour → generate
"""
