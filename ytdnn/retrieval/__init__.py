"""The first stage: candidates of all sources, with their scores and sources."""
