"""Models: candidates, ranking, and the layers that both are made of."""
