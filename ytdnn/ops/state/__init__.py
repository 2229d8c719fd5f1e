"""The live state: events since the log that a bundle was made from, kept durably."""
