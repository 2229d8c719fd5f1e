"""The run of tests/run/pipeline."""

from tests.run.pipeline.conftest import made, tables

__all__ = ["made", "tables"]
