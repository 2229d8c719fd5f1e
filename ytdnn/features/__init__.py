"""Features: one file a feature or a small family, declared once for everything."""
