"""Keras layers and pure functions both networks are built from (PAPER §3.2, §4)."""
