"""Commands of daily operation, and of several processes."""
