"""`--json`: one document on standard output, and nothing else there."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from tests import small_log as logs
from tests.run.cli import conftest
from ytdnn.run.cli import main, output


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "watches.csv").write_text(logs.WATCHES.replace("u3,", "NULL,"))
    return tmp_path / "log"


def test_prepare_prints_a_document_alone(
    cli: conftest.Cli, log: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'run'}")
    found = cli("prepare", *flags, "--json")
    document = json.loads(found.out)
    assert document["facts"]["rows"] == {"watches": 72}
    assert "next: ytdnn train" in found.err


def test_check_prints_its_findings_and_keeps_its_status(
    cli: conftest.Cli, log: pathlib.Path
) -> None:
    (log / "watches.csv").write_text(logs.WATCHES + "u1,v1,soon\n")
    found = cli("check", "--source=log", f"--data_dir={log}", "--json")
    assert found.status == 1
    assert len(json.loads(found.out)["mistakes"]) == 1


def test_a_mistake_leaves_standard_output_empty(
    cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    found = cli("evaluate", f"--workdir={tmp_path}", "--json")
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("ytdnn: error: ")


def test_the_commands_that_have_it() -> None:
    named = {c.name for c in main.COMMANDS if "json" in {f.name for f in c.flags}}
    assert named == {
        *(
            "prepare",
            "check",
            "evaluate",
            "recommend",
            "compare",
            "index tune",
            "sweep",
            "backtest",
        ),
        "parts",
    }


@dataclasses.dataclass
class _One:
    path: pathlib.Path
    values: np.ndarray
    nothing: float = float("nan")


def test_values_of_our_own_are_those_of_json() -> None:
    found = output.plain({3: _One(pathlib.Path("a"), np.array([1.0, np.inf]))})
    assert found == {"3": {"path": "a", "values": [1.0, None], "nothing": None}}
