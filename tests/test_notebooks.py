"""The notebooks run, cell by cell, on small worlds and logs."""

import json
import pathlib
from typing import Any

import pytest

from tests.data.sources import movielens_files

NOTEBOOKS = sorted(
    (pathlib.Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb")
)
# What replaces the parameters of each notebook.
SMALL = {
    "two_stages": """
world = configs.World(num_users=120, num_videos=150, num_topics=3, num_days=30)
epochs = 1
""",
    "live_test": """
world = configs.World(
    num_users=100, num_videos=150, num_topics=3, num_days=20, live_days=1
)
epochs = 1
""",
    "own_log": "num_users, num_items, num_events = 100, 80, 3_000",
    "movielens": "",
    "extending": """
world = configs.World(num_users=100, num_videos=150, num_topics=3, num_days=20)
epochs = 1
""",
}


def cells(path: pathlib.Path) -> list[tuple[str, bool]]:
    """Returns the code of each cell, and whether it holds the parameters."""
    return [
        ("".join(cell["source"]), "parameters" in cell["metadata"].get("tags", []))
        for cell in json.loads(path.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(SMALL)


@pytest.mark.thorough
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    small = SMALL[path.stem]
    if path.stem == "movielens":
        small = f"data_dir = {str(movielens_files.write(tmp_path / 'ml-100k'))!r}"
    room: dict[str, Any] = {}
    for number, (code, has_parameters) in enumerate(cells(path)):
        text = code + "\n" + small if has_parameters else code
        exec(compile(text, f"{path.name}, cell {number}", "exec"), room)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept(path: pathlib.Path) -> None:
    found = json.loads(path.read_text())["cells"]
    code = [cell for cell in found if cell["cell_type"] == "code"]
    assert any(cell["outputs"] for cell in code)
    kinds = {out["output_type"] for cell in code for out in cell["outputs"]}
    assert "error" not in kinds
    pictures = [
        out for cell in code for out in cell["outputs"] if "image/png" in str(out)
    ]
    assert pictures or path.stem in ("own_log", "extending")
