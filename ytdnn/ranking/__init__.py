"""The ranker: features, weighted logistic loss, expected watch time (PAPER §4)."""
