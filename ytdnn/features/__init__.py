"""Features: one file for a feature or a small family, declared once for all uses."""
