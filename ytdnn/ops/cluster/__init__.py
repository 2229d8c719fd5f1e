"""Training on several devices or processes."""
