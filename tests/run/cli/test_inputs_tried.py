"""tests/run/cli/tried/outcomes.md says of every input what it ends in now."""

import pathlib

import pytest

from tests.run.cli.tried import logs, page, runs, second_pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return page.made_run(tmp_path_factory.mktemp("made"))


def _check(group: str, directory: pathlib.Path, made: pathlib.Path) -> None:
    lines = page.PAGE.read_text().splitlines()
    for one, outcome in page.outcomes(page.GROUPS[group], directory, made):
        assert outcome.status is not None, f"{one.what}: {outcome.line}"
        assert "Traceback" not in outcome.out, one.what
        if outcome.status == 2:
            assert outcome.line.count("ytdnn: error: ") == 1, one.what
        assert page.row(one, outcome) in lines, "python -m tests.run.cli.tried.page"


@pytest.mark.thorough
@pytest.mark.parametrize("group", [*logs.GROUPS, *second_pass.LOGS])
def test_logs_end_as_the_page_says(group: str, tmp_path: pathlib.Path) -> None:
    _check(group, tmp_path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("group", [*runs.GROUPS, *second_pass.RUNS])
def test_runs_end_as_the_page_says(
    group: str, tmp_path: pathlib.Path, made: pathlib.Path
) -> None:
    _check(group, tmp_path, made)


def test_the_page_has_at_least_250_inputs_and_no_stack_trace() -> None:
    text = page.PAGE.read_text()
    assert sum(map(len, page.GROUPS.values())) >= 250
    assert text.count("\n| ") - text.count("\n| input |") == sum(
        map(len, page.GROUPS.values())
    )
    assert "| stack trace |" not in text
