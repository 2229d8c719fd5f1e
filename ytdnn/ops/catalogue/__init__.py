"""Videos added to, and removed from, the answers of a bundle."""
