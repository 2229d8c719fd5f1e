"""Which order a run serves: said, followed by what comes after, and changed at once."""

import pathlib

import pytest

from tests.run.cli import conftest, fakes
from ytdnn.base import artifacts


def _bundle_inputs(workdir: pathlib.Path) -> set[str]:
    return set(artifacts.read_manifest(workdir / "bundle", "bundle").inputs)


def test_a_ranker_that_helps_is_served(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    result = cli.ok("run", "--workdir", workdir, "--full")
    assert "judged by a stand-in\n[6/11] choice: done in " in result.out
    assert "ranking" in _bundle_inputs(workdir)


def test_a_ranker_that_does_not_help_is_not_served_until_asked_for(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.serves_ranker = False
    assert cli("run", "--workdir", workdir).status == 0
    assert "ranking" not in _bundle_inputs(workdir)
    assert cli("run", "--workdir", workdir).out.count("skipped:") == 9
    rooms.calls.clear()
    # It was trained, and need not be again.
    flag = "--config.ranking.enabled=true"
    assert cli("train", "--workdir", workdir, flag).status == 0
    assert cli("export", "--workdir", workdir).status == 0
    assert rooms.calls == ["bundle"]
    assert "ranking" in _bundle_inputs(workdir)
    cli.ok("export", "--workdir", workdir, "--config.ranking.enabled=false")
    assert rooms.calls == ["bundle", "bundle"]
    assert "ranking" not in _bundle_inputs(workdir)


def test_a_refit_repeats_what_is_served(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.serves_ranker = False
    result = cli.ok("run", "--workdir", workdir, "--refit")
    assert "refit/ranking" not in rooms.calls
    assert "earlier/candidates" not in rooms.calls
    why = "the candidates' order is served (ranking.enabled=auto)"
    assert result.out.count(f"left out: {why}") == 4
    rooms.calls.clear()
    assert cli("run", "--workdir", workdir).status == 0
    assert rooms.calls == []


def test_what_was_not_judged_is_not_exported(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    for command in ("prepare", "train"):
        flag = "--config.ranking.enabled=true"
        assert cli(command, "--workdir", workdir, flag).status == 0
    result = cli("export", "--workdir", workdir, "--config.ranking.enabled=auto")
    assert result.status == 2
    assert "choice: not made yet: run `ytdnn train" in result.err
    rooms.calls.clear()
    stage = "--stage=ranking"
    result = cli.ok(
        "train", "--workdir", workdir, stage, "--config.ranking.enabled=auto"
    )
    assert rooms.calls == []
    assert "choice: done in " in result.out


@pytest.mark.parametrize("text", ["", "2"])
def test_other_words_are_refused(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path, text: str
) -> None:
    result = cli("run", "--workdir", workdir, f"--config.ranking.enabled={text}")
    assert result.status == 2
    assert (
        f"expected config.ranking.enabled to be 'auto' or true or false, received "
        f"{text!r}" in result.err
    )


def test_a_switch_needs_no_value(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    result = cli.ok("run", "--workdir", workdir, "--noconfig.ranking.enabled")
    assert "ranking" not in rooms.calls
    assert "choice: left out: config.ranking.enabled is false" in result.out
    result = cli("run", "--workdir", workdir, "--config.ranking.enabled")
    assert "choice: left out: config.ranking.enabled is true" in result.out
