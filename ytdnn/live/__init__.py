"""Live tests: the world goes on behind its log, and arms are compared by what is watched.

The paper judges by live A/B tests (PAPER §5.3 and throughout); here a world with a known
truth stands for the live service. `play` plays the days, `arms` and `built_in` make the
pages, `served` asks bundles, `history` is what users bring along, `days` keeps what
happened, `measures`, `catalogue` and `comparing` measure it, `report` tells.
"""
