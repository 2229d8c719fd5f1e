"""A run: its settings, artefacts and steps, the Python API, and the command line."""
