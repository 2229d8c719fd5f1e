"""Studies and sweeps: several runs of one question, compared."""
