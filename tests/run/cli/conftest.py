"""The command line over stand-ins, called in process."""

import dataclasses
import pathlib

import pytest

from tests.run.cli import fakes
from ytdnn.run.cli import main


@dataclasses.dataclass
class Result:
    status: int
    out: str
    err: str


class Cli:
    """Calls the command line and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *argv: object) -> Result:
        status = main.main([str(argument) for argument in argv])
        captured = self._capsys.readouterr()
        return Result(status, captured.out, captured.err)

    def error(self, *argv: object) -> str:
        """Returns the one line of a command that must be refused."""
        result = self(*argv)
        assert result.status == 2, result
        assert result.err.count("\n") == 1, result.err
        return result.err.removeprefix("ytdnn: error: ").rstrip("\n")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> fakes.Rooms:
    return fakes.install(monkeypatch)


@pytest.fixture
def workdir(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "run"
