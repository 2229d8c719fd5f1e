"""Encoders of what the user did: the history part of the user tower."""
