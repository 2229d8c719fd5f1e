"""Metrics as pure NumPy functions, vectorised over users (DESIGN: evaluation).

`retrieval` ranks all videos exactly and measures the lists, `ranking` holds the
list metrics, `binary` and `per_user_loss` those of the ranker, `bootstrap` the
intervals over users.
"""
