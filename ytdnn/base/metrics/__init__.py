"""Metrics as pure NumPy functions, vectorised over users (DESIGN §9).

`retrieval` ranks all videos exactly and measures the lists, `selection` finds the k
best in bounded memory, `ranking` holds the list metrics, `watch_time` those weighted by
watch seconds, `catalogue` those of the listed videos, `binary`, `per_user_loss`,
`predicted_seconds` and `calibration` the ranker's metrics, `bootstrap` the intervals
over users.
"""
