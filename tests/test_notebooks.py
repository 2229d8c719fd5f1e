"""The notebooks run, cell by cell, on small worlds and logs."""

import ast
import importlib
import json
import pathlib
import re
from typing import Any

import pytest

NOTEBOOKS = sorted(
    (pathlib.Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb")
)
# What replaces the parameters of each notebook.
SMALL = {
    "two_stages": """
world = configs.WorldConfig(num_users=120, num_videos=150, num_topics=3, num_days=30)
epochs = 1
""",
    "live_test": """
world = configs.WorldConfig(
    num_users=100, num_videos=150, num_topics=3, num_days=20, live_days=1
)
epochs = 1
""",
    "own_log": "num_users, num_items, num_events = 100, 80, 3_000",
    "another_system": "num_users, num_items, num_events = 200, 100, 4_000",
    "movielens": 'data_dir = ""',
    "extending": """
world = configs.WorldConfig(num_users=100, num_videos=150, num_topics=3, num_days=20)
epochs = 1
""",
}

WITHOUT_PLOTS = {"own_log", "extending", "another_system"}
LONG = {"live_test", "extending"}  # several trainings each


def write_movielens(directory: pathlib.Path) -> pathlib.Path:
    """Writes made ratings in the layout of MovieLens-100K."""
    directory.mkdir()
    films, users = range(1, 41), range(1, 61)
    ratings = [
        f"{user}\t{1 + (user * 7 + place * 3) % 40}\t{3 + (user + place) % 3}"
        f"\t{880_000_000 + user * 10_000 + place}"
        for user in users
        for place in range(12)
    ]
    genres = "|0" * 18 + "|1"
    items = [f"{film}|Film {film} (1990)|01-Jan-1990||{genres}" for film in films]
    people = [f"{user}|{20 + user % 40}|F|other|00000" for user in users]
    for name, lines in (("data", ratings), ("item", items), ("user", people)):
        (directory / f"u.{name}").write_text("\n".join(lines) + "\n")
    return directory


def cells(path: pathlib.Path) -> list[tuple[str, bool]]:
    """Returns the code of each cell, and whether it holds the parameters."""
    return [
        ("".join(cell["source"]), "parameters" in cell["metadata"].get("tags", []))
        for cell in json.loads(path.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=pytest.mark.slow if path.stem in LONG else pytest.mark.thorough,
        )
        for path in NOTEBOOKS
    ],
)
def test_a_notebook_runs(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    small = SMALL[path.stem]
    if path.stem == "movielens":
        small = f"data_dir = {str(write_movielens(tmp_path / 'ml-100k'))!r}"
    room: dict[str, Any] = {}
    for number, (code, has_parameters) in enumerate(cells(path)):
        text = code + "\n" + small if has_parameters else code
        exec(compile(text, f"{path.name}, cell {number}", "exec"), room)


_IMPORT = re.compile(r"^from ytdnn[\w.]* import .+$", re.MULTILINE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_it_imports_is_there_in_files_that_it_writes_too(
    path: pathlib.Path,
) -> None:
    """The longest notebooks run seldom."""
    for line in _IMPORT.findall("\n".join(code for code, _ in cells(path))):
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.ImportFrom)
        module = importlib.import_module(str(statement.module))
        for each in statement.names:
            if not hasattr(module, each.name):
                importlib.import_module(f"{statement.module}.{each.name}")


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
    assert pictures or path.stem in WITHOUT_PLOTS
