"""Encoders of sequences: rows of the log to vectors."""
