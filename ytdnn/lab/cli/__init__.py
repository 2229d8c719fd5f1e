"""Commands that compare runs, and generate worlds for them."""
