"""`ytdnn parts` lists the parts and where they come from."""

import json
import pathlib

import pytest

from tests import extras
from ytdnn.run.cli import main

FILE = """
from ytdnn.base import registries

@registries.METRICS.register("mine", text="of a file")
def mine(lists, k):
    return lists.hits[:, 0]
"""


def test_parts_of_ytdnn_of_a_package_and_of_a_file(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    with extras.installed(tmp_path):
        assert main.main(["parts", "--json", f"--extensions={file}"]) == 0
        found = json.loads(capsys.readouterr().out)
        losses = found["parts"]["losses"]
        assert (losses["full_softmax"], losses["margin"]) == (
            "ytdnn",
            "ytdnn-extras 1.0",
        )
        assert found["parts"]["metrics"]["mine"].startswith("mine.")
        assert main.main(["parts", "--kind=losses"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "  margin (ytdnn-extras 1.0)" in lines
        assert "  full_softmax" in lines
        assert not any("ndcg" in line for line in lines)
    assert main.main(["parts", "--kind=looses"]) == 2
    assert "to be one of losses" in capsys.readouterr().err
