"""From the event log to the prepared set and the input pipelines (DESIGN §3, §4)."""
