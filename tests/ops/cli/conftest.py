"""The command line over stand-ins, as in tests/run/cli."""

from tests.run.cli.conftest import cli, rooms, workdir

__all__ = ["cli", "rooms", "workdir"]
