"""`ytdnn refit` and `ytdnn run --refit`: what is made, skipped, said, refused."""

import json
import pathlib

from tests.run.cli import conftest, fakes

RUN = ["data", "candidates", "index", "ranking", "baselines", "evaluation"]
EARLIER = ["earlier/data", "earlier/candidates", "earlier/ranking"]
LATER = ["refit/data", "refit/candidates", "refit/index", "refit/ranking"]


def test_run_refits_between_evaluation_and_bundle(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    result = cli.ok("run", "--workdir", workdir, "--refit")
    assert rooms.calls == [*RUN, *EARLIER, *LATER, "bundle"]
    assert "[11/18] refit/earlier/data: done in " in result.out
    assert (
        "measured on the run that held watches out; the served models "
        "are trained to 2023-11-14T22:13:20Z"
    ) in result.out
    rooms.calls.clear()
    result = cli("run", "--workdir", workdir)
    assert rooms.calls == []
    assert result.out.count("skipped:") == 16


def test_a_run_is_refitted_later_and_stays_so(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("run", "--workdir", workdir)
    rooms.calls.clear()
    result = cli.ok("refit", "--workdir", workdir)
    assert rooms.calls == [*EARLIER, *LATER, "bundle"]
    assert "bundle: started (config.refit was absent, is True)" in result.out
    assert "the evaluation in " in result.out
    assert f"next: ytdnn recommend --workdir={workdir}" in result.out
    assert json.loads((workdir / "config.json").read_text())["config"]["refit"]
    measured = cli("evaluate", "--workdir", workdir)
    assert "\nmeasured on the run that held watches out" in measured.out
    rooms.calls.clear()
    assert "skipped: " in cli("export", "--workdir", workdir).out
    result = cli("export", "--workdir", workdir, "--config.refit=false")
    assert rooms.calls == ["bundle"]
    assert "config.refit was True, is absent" in result.out


def test_an_interrupted_refit_goes_on(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("run", "--workdir", workdir)
    rooms.fails_in = "index"
    assert cli("refit", "--workdir", workdir).status == 130
    rooms.fails_in = ""
    rooms.calls.clear()
    assert cli("refit", "--workdir", workdir).status == 0
    assert rooms.calls == [*LATER[2:], "bundle"]


def test_only_what_depends_on_a_setting_is_made_again(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("run", "--workdir", workdir, "--refit")
    rooms.calls.clear()
    cli("run", "--workdir", workdir, "--config.ranking.dropout=0.5")
    made = ["ranking", "evaluation", "earlier/ranking", "refit/ranking", "bundle"]
    assert rooms.calls == made


def test_without_a_window_of_its_own_the_ranker_needs_no_earlier_candidates(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.has_own_window = False
    result = cli.ok("run", "--workdir", workdir, "--refit")
    assert rooms.calls == [*RUN, *LATER, "bundle"]
    assert result.out.count("left out: the ranker has no window of its own") == 3
    rooms.calls.clear()
    cli("run", "--workdir", workdir)
    assert rooms.calls == []


def test_without_impressions_there_is_no_ranker_to_refit(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.has_impressions = False
    cli.ok("run", "--workdir", workdir, "--refit")
    assert "earlier/ranking" not in rooms.calls
    assert rooms.calls[-4:] == [*LATER[:3], "bundle"]


def test_what_is_not_trained_is_not_refitted(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("prepare", "--workdir", workdir)
    assert cli.error("refit", "--workdir", workdir) == (
        f"{workdir}/candidates: not made yet: run `ytdnn train --workdir={workdir}` "
        f"first, or `ytdnn run` for all steps"
    )
    cli("train", "--workdir", workdir)
    assert cli.error("export", "--workdir", workdir, "--config.refit=true") == (
        f"{workdir}/refit/candidates: not made yet: run `ytdnn refit "
        f"--workdir={workdir}` first, or `ytdnn run` for all steps"
    )
