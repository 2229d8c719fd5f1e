"""The documents' commands and code: those of the README run, all of them parse."""

import pathlib
import re
import shlex
import textwrap
from typing import Any

import polars as pl
import pytest

from tests import extras, planted
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.base.configs import by_size
from ytdnn.run.cli import command, main

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "BUILD.md",
    ROOT / "Makefile",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "experiments").glob("*.py")),
]
MARKER = "<!-- The commands of this block are run by tests/test_readme.py. -->"


def own_log_commands() -> list[str]:
    block = (ROOT / "README.md").read_text().split(MARKER)[1]
    found = re.search(r"```sh\n(.*?)```", block, re.S)
    assert found is not None
    return found[1].strip().splitlines()


def all_commands(path: pathlib.Path) -> list[str]:
    text = re.sub(r"\\\n\s*", "", path.read_text())
    text = re.sub(r"(--bundle=\S+)\n", r"\1 ", text)
    pattern = (
        r"ytdnn (?:run|prepare|train|evaluate|export|recommend|experiments|study"
        r"|world|serve|join-log|similar|vectors) --(?!help)[^`\n|]*"
    )
    return [match.split(" #")[0] for match in re.findall(pattern, text)]


def python_blocks(path: pathlib.Path) -> list[str]:
    return re.findall(r" *```python\n(.*?)```", path.read_text(), re.S)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_the_documents_is_valid(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = {command.name: command for command in main.COMMANDS}
    if path.name == "extending.md":  # whose files are named without a folder
        monkeypatch.chdir(extras.EXAMPLES / "ytdnn_extras")
    if path.name == "sources.md":  # whose second command takes the first one's file
        monkeypatch.chdir(tmp_path)
        (tmp_path / "columns.toml").write_text('[watches]\ntime = "t"\n')
    with extras.installed(tmp_path / "site"):  # guides set its settings too
        for line in all_commands(path):
            _, name, *rest = shlex.split(line)
            given = command.parse(name, by_name[name].all_flags, rest)
            config = (given.values.get("config") or "").partition(":")[0]
            is_run = config in ("FILE.py", "runs/mine")  # of the reader
            assert (ROOT / config).exists() or is_run, line


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named: set[str] = set()
    for name in ("README.md", "BUILD.md"):
        text = (ROOT / name).read_text()
        named |= set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert {"run", "test", "lint"} <= named <= targets


@pytest.fixture
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a log of this size be trained on twice, by one member of the contest."""
    epochs = {"training.epochs": 2}
    ranking, portfolio = by_size.ranking, by_size.portfolio
    kept = (by_size.UNCONTESTED, by_size.RANDOM)
    monkeypatch.setattr(by_size, "ranking", lambda size: ranking(size) | epochs)

    def few(size: configs.LogSize) -> dict[str, dict[str, Any]]:
        return {k: v | epochs for k, v in portfolio(size).items() if k in kept}

    monkeypatch.setattr(by_size, "portfolio", few)


@pytest.mark.thorough
@pytest.mark.usefixtures("few_epochs")
def test_the_commands_for_an_own_log_run(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = planted.write_log(tmp_path / "logs")
    pl.read_parquet(directory / "watches.parquet").rename(
        {schema.VIDEO_ID: "item_id", schema.TIME: "timestamp"}
    ).write_parquet(directory / "watches.parquet")
    monkeypatch.chdir(tmp_path)
    for line in own_log_commands():
        status = main.main(shlex.split(line)[1:])
        captured = capsys.readouterr()
        assert status == 0, f"{line}: {captured.err}"
    assert "title" in captured.out.lower()  # of the last, which recommends


def test_load_recommend_print_is_all_it_takes() -> None:
    (shown,) = python_blocks(ROOT / "README.md")
    assert shown == python_blocks(ROOT / "docs" / "python.md")[0]
    lines = [line for line in shown.splitlines() if line]
    assert len(lines) == 3
    for line, word in zip(lines, ("import ytdnn", ".load(", "print("), strict=True):
        assert word in line


@pytest.mark.thorough
@pytest.mark.usefixtures("few_epochs")
def test_the_python_of_the_documents_runs(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown, whole_way = python_blocks(ROOT / "docs" / "python.md")
    planted.write_log(tmp_path / "logs")
    monkeypatch.chdir(tmp_path)
    exec(compile(whole_way, "python.md", "exec"), {})
    assert "recall@10" in capsys.readouterr().out
    (tmp_path / "runs" / "notebook").rename(tmp_path / "runs" / "quickstart")
    exec(compile(shown, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "shape: (10, 8)" in printed
    for word in ("u1", "rank", "video_id", "Title", "score"):
        assert word in printed


def test_the_variants_of_the_documents_are_configs() -> None:
    (shown,) = python_blocks(ROOT / "docs" / "evaluation.md")
    room: dict[str, Any] = {}
    exec(compile(textwrap.dedent(shown), "evaluation.md", "exec"), room)
    found = room["get_variants"]()
    assert found["plain"] == configs.Config()
    assert found["wide"].candidates.tower == (1024, 512)
    assert "tower" not in found["wide"].candidates.auto
