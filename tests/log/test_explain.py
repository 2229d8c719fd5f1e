"""docs/event_log.md is what `schema` says, and its example prepares."""

import pathlib
import re

import polars as pl
import pytest

from tests.run.cli import conftest
from ytdnn.base import table_schemas
from ytdnn.log import explain, prepared

cli = conftest.cli


@pytest.fixture
def page(repository: pathlib.Path) -> str:
    return (repository / "docs" / "event_log.md").read_text()


def test_the_page_is_current(page: str) -> None:
    # python -c 'from ytdnn.log import explain; print(explain.explain(), end="")'
    assert page == explain.explain()


def test_every_column_says_what_it_is_and_does() -> None:
    for table in table_schemas.TABLES.values():
        for column in table.columns:
            assert column.meaning, column
            assert column.required or column.use.endswith("."), column


def test_prepare_explains_itself(cli: conftest.Cli, page: str) -> None:
    result = cli("prepare", "--explain")
    assert result.status == 0
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
    result = cli(*command.split())
    assert result.status == 0, result.err
    assert "watch_seconds, device (1 missing)" in result.out
    data = prepared.load(tmp_path / "runs" / "example" / "data")
    assert data.manifest.facts["watches"] == 6
    assert pl.Series(data.watches.times).max() == 1_714_993_200
