"""Rolling evaluation of a log: each step is answered, then models are updated."""
