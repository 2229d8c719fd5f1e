"""Live tests: a world continues after its log, and arms are compared by watch time.

The paper decides by live A/B tests (PAPER §1); here a world with a known truth replaces
the live service. `play` plays the days; `arms` and `built_in_arms` make the slates,
with `bundle_arm` for bundles; `history` has the users' requests, `days` the events;
`measures`, `exposure` and `comparing` compute the metrics of `report`.
"""
