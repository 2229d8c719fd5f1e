"""The ground: settings, artefacts, files, errors, registries, formulas of metrics."""
