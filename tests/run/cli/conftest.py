"""The command line over stand-ins, called in process."""

import dataclasses
import json
import pathlib
from typing import Any

import jsonschema
import pytest

from tests.run.cli import fakes
from ytdnn.run.cli import main

_ROOT = pathlib.Path(__file__).parents[3]


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

    def ok(self, *argv: object) -> Result:
        """Returns what a command printed that must go well."""
        result = self(*argv)
        assert result.status == 0, result.err
        return result

    def document(self, *argv: object) -> dict[str, Any]:
        """Returns the document of a command with --json, which is of the schema."""
        result = self(*argv, "--json")
        document: dict[str, Any] = json.loads(result.out)
        assert document["status"] == result.status
        schema = json.loads((_ROOT / "docs" / "output.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(document)
        return document

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
