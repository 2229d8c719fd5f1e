"""Serving: the exported graphs, the bundle on disk, and requests to it (DESIGN §8)."""
