"""Candidate generation (PAPER §3): user tower, video table, retrieval losses."""
