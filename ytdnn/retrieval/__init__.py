"""The first stage as the ranker meets it: candidates, and what is known of each."""
