"""Live tests: a world goes on behind its log, and arms are judged by what is watched.

The paper decides by live A/B tests (PAPER §1); here a world with a known truth stands
for the live service. `play` plays the days, `arms` and `built_in` make the pages,
`served` asks bundles, `history` is what users bring along, `days` keeps what happened,
`measures`, `catalogue` and `comparing` measure it, `report` tells.
"""
