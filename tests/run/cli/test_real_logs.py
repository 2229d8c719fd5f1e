"""docs/real_logs.md: its commands go from real files to a recommendation."""

import pathlib
import re
import shlex
from collections.abc import Callable

import pytest

from tests.run.cli import conftest

_PAGE = pathlib.Path(__file__).parents[3] / "docs" / "real_logs.md"


def commands() -> dict[str, list[list[str]]]:
    """Returns the command lines for each data set, by its directory."""
    found = {}
    for block in re.findall(r"```sh\n(.*?)```", _PAGE.read_text(), re.S):
        lines = block.replace("\\\n", "").strip().splitlines()
        name = re.search(r"--data_dir=(\S+)", block)
        assert name is not None
        found[name[1]] = [shlex.split(line)[1:] for line in lines]
    return found


def test_each_takes_at_most_five_commands_and_ends_in_a_recommendation() -> None:
    assert set(commands()) == {"ml-100k", "ml-latest-small", "ebnerd-sample"}
    for lines in commands().values():
        assert len(lines) <= 5
        assert lines[-1][0] == "recommend"


@pytest.mark.slow
@pytest.mark.parametrize("name", commands())
def test_the_commands_recommend(
    cli: conftest.Cli,
    shared_data: Callable[[str], pathlib.Path],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / name).symlink_to(shared_data(name).resolve())
    monkeypatch.chdir(tmp_path)
    for line in commands()[name]:
        result = cli.ok(*line)
    below = result.out.partition("Recommended")[2]
    assert re.search(r"^ +10 +\d+ ", below, re.M), result.out
    assert "<unknown>" not in result.out
