"""Statistics of live tests and of off-policy estimates."""
