"""Encoders of a user's watches and searches: the history part of the user tower."""
