"""The synthetic world as a source of event logs."""
