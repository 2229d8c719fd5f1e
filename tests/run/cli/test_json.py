"""`--json`: one document on standard output, and nothing else there."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from tests import small_log as logs
from tests.run.cli import conftest, fakes
from ytdnn.base import formats
from ytdnn.run.cli import help_text, main

Path = pathlib.Path
Cli = conftest.Cli

_PATH = Path(__file__).parents[3] / "docs" / "output.schema.json"
_SCHEMA = json.loads(_PATH.read_text())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "watches.csv").write_text(logs.WATCHES.replace("u3,", "None,"))
    return tmp_path / "log"


def test_prepare_prints_a_document_alone(cli: Cli, log: Path, tmp_path: Path) -> None:
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'run'}")
    document = cli.document("prepare", *flags)
    assert document["log"]["rows"] == {"watches": 72}
    assert document["artefacts"]["data"] == document["log"]
    assert document["next"] == f"ytdnn train --workdir={tmp_path / 'run'}"
    (note,) = [note for note in document["notes"] if "None" in note]
    assert not note.startswith("note")
    assert sum(document["counts"]["watches"].values()) == 72


def test_check_prints_its_findings_and_keeps_its_status(cli: Cli, log: Path) -> None:
    (log / "watches.csv").write_text(logs.WATCHES + "u1,v1,soon\n")
    found = cli.document("check", "--source=log", f"--data_dir={log}")
    assert (found["status"], len(found["mistakes"])) == (1, 1)
    assert found["counts"]["watches"]["train"] > 0


def test_a_mistake_leaves_standard_output_empty(cli: Cli, tmp_path: Path) -> None:
    found = cli("evaluate", f"--workdir={tmp_path}", "--json")
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("ytdnn: error: ")


def test_a_command_without_a_result_of_its_own_has_the_facts_of_its_artefacts(
    cli: Cli, workdir: Path, rooms: fakes.Rooms
) -> None:
    cli("prepare", f"--workdir={workdir}")
    trained = cli.document("train", f"--workdir={workdir}")
    assert trained["artefacts"]["candidates"]["epochs"] == 3
    assert trained["next"] == f"ytdnn evaluate --workdir={workdir}"
    assert "bundle" in cli.document("export", f"--workdir={workdir}")["artefacts"]


def test_the_world_tells_its_rows(cli: Cli, tmp_path: Path) -> None:
    found = cli.document("world", "--preset=tiny", f"--out={tmp_path / 'world'}")
    assert found["rows"]["users"] == 200
    assert found["path"] == str(tmp_path / "world")


def test_every_command_has_it_and_is_in_the_schema() -> None:
    for name in main.names():
        assert "--json" in help_text.command(main.find(name))
    assert set(_SCHEMA["properties"]["command"]["enum"]) == set(main.names())


@dataclasses.dataclass
class _One:
    path: Path
    values: np.ndarray
    nothing: float = float("nan")


def test_values_of_our_own_are_those_of_json() -> None:
    found = formats.plain({3: _One(Path("a"), np.array([1.0, np.inf]))})
    assert found == {"3": {"path": "a", "values": [1.0, None], "nothing": None}}
