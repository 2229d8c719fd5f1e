"""The run of tests/ops/server."""

from tests.ops.server.conftest import serving_process, workdir

__all__ = ["serving_process", "workdir"]
