"""The search for settings of an index."""
