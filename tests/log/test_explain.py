"""docs/event_log.md is what `schema` says, and its example prepares."""

import pathlib
import re

import polars as pl
import pytest

from tests.run.cli import conftest
from ytdnn.base import table_schemas
from ytdnn.log import prepared

cli = conftest.cli


@pytest.fixture
def page(repository: pathlib.Path) -> str:
    return (repository / "docs" / "event_log.md").read_text()


def test_the_page_has_every_column(page: str) -> None:
    for table in table_schemas.TABLES.values():
        section = page.partition(f"## {table.name}\n")[2].partition("\n## ")[0]
        for column in table.columns:
            needed = "Needed." if column.required else ""
            assert f"| `{column.name}` | " in section
            line = section.partition(f"| `{column.name}` | ")[2].splitlines()[0]
            assert line.endswith(f"{needed} |"), column


def test_prepare_explains_itself(cli: conftest.Cli, page: str) -> None:
    result = cli.ok("prepare", "--explain")
    assert result.out.strip() == page.strip()


def test_the_example_prepares(
    cli: conftest.Cli,
    page: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    for name, rows in re.findall(r"`(\w+\.csv)`\n\n```csv\n(.*?)```", page, re.S):
        (tmp_path / "logs" / name).write_text(rows)
    (command,) = re.findall(r"```sh\nytdnn (.*?)\n```", page)
    result = cli.ok(*command.split())
    assert "watch_seconds, device (1 missing)" in result.out
    data = prepared.load(tmp_path / "runs" / "example" / "data")
    assert data.manifest.facts["watches"] == 6
    assert pl.Series(data.watches.times).max() == 1_714_993_200
