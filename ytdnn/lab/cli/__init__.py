"""Commands that compare runs, and that make a world to run them on."""
