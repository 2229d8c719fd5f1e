"""Metrics as pure NumPy functions, vectorised over users (DESIGN §9).

`exact_top_k` ranks all videos by `top_k_selection` in bounded memory;
`recall_and_ndcg` holds the metrics of lists, `watch_time_of_hits` those weighted by
watch seconds, `catalogue` those of the listed videos; `binary`, `per_user_loss` and
`calibration` measure the ranker, `bootstrap` draws the intervals over users.
"""
