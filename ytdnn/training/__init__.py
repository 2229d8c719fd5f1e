"""The training loop, optimisers, strategies and checkpoints of both stages."""
