"""`ytdnn run` and the single commands: what is made, skipped, refused."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.evaluation import example
from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run import pipeline
from ytdnn.run.cli import main

Path = pathlib.Path
Cli = conftest.Cli
Rooms = fakes.Rooms

TRAINED = ["candidates", "index", "ranking"]
ALL = ["data", *TRAINED, "baselines", "evaluation", "bundle"]


def test_run_makes_every_output_and_shows_the_report(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    result = cli.ok("run", "--workdir", workdir)
    assert rooms.calls == ALL
    assert all((workdir / name).exists() for name in [*ALL, "config.json"])
    assert rooms.shown[0].lists == example.typed(example.bare()).lists
    assert f"bundle: {workdir}/bundle" in result.out


def test_a_second_run_skips_all_and_says_so(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("run", "--workdir", workdir)
    rooms.calls.clear()
    result = cli("run", "--workdir", workdir)
    assert rooms.calls == []
    assert result.out.count("skipped:") == len([*ALL, "contest", "choice"])
    assert len(rooms.shown) == 2  # the table is shown all the same


def test_a_changed_setting_makes_its_step_and_those_after_it_again(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("run", "--workdir", workdir)
    rooms.calls.clear()
    result = cli("run", "--workdir", workdir, "--config.candidates.embedding_dim=8")
    assert rooms.calls == [*TRAINED, "evaluation", "bundle"]
    assert "ranking: started (made from another candidates)" in result.out
    assert "config.candidates.embedding_dim was 256, is 8" in result.out


def test_an_interrupted_run_goes_on_where_it_was(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    rooms.fails_in = "index"
    result = cli("run", "--workdir", workdir, "--config.seed=3")
    assert result.status == 130
    assert result.err.count("\n") == 1
    assert not (workdir / "index").exists()
    rooms.fails_in = ""
    rooms.calls.clear()
    assert cli("run", "--workdir", workdir).status == 0
    assert rooms.calls == ALL[2:]  # with the seed of the config.json, not another
    assert json.loads((workdir / "config.json").read_text())["config"]["seed"] == 3


def test_a_damaged_output_is_made_again_and_the_reason_said(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("run", "--workdir", workdir)
    (workdir / "index" / "content.txt").write_text("longer than it was")
    rooms.calls.clear()
    result = cli("run", "--workdir", workdir)
    assert rooms.calls[0] == "index"
    assert "disagrees with manifest.json" in result.out


def test_a_killed_evaluation_leaves_the_one_before(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("run", "--workdir", workdir)
    before = (workdir / "evaluation" / "report.json").read_text()
    rooms.fails_in = "evaluation"
    assert cli("run", "--workdir", workdir, "--k=5").status == 130
    assert (workdir / "evaluation" / "report.json").read_text() == before
    rooms.fails_in = ""
    rooms.calls.clear()
    assert cli("run", "--workdir", workdir).status == 0  # with the k of before
    assert rooms.calls == ["evaluation"]
    assert (workdir / "evaluation" / "report.json").read_text() != before


def test_a_log_without_impressions_leaves_the_ranker_out(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    rooms.has_impressions = False
    result = cli.ok("run", "--workdir", workdir)
    assert "ranking" not in rooms.calls
    assert "left out: the log has no impressions" in result.out


def test_files_of_the_source_that_changed_are_prepared_again(
    cli: Cli, rooms: Rooms, workdir: Path, tmp_path: Path
) -> None:
    source = tmp_path / "logs"
    source.mkdir()
    (source / "watches.parquet").write_text("rows")
    flags = ("--workdir", workdir, "--source=log", "--data_dir", source)
    cli("run", *flags)
    rooms.calls.clear()
    cli("run", *flags)
    assert rooms.calls == []
    later = (workdir / "data" / "manifest.json").stat().st_mtime + 10
    os.utime(source / "watches.parquet", (later, later))
    result = cli("run", *flags)
    assert rooms.calls[0] == "data"
    assert "watches.parquet has changed since" in result.out


def test_single_commands_do_the_same_as_run(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    following = {
        "prepare": "train",
        "train": "evaluate",
        "evaluate": "export",
        "export": "recommend",
    }
    for command in following:
        result = cli.ok(command, "--workdir", workdir)
        assert f"next: ytdnn {following[command]} --workdir={workdir}" in result.out
    assert rooms.calls == ALL
    rooms.calls.clear()
    cli("run", "--workdir", workdir)
    assert rooms.calls == []


def test_one_stage_alone(cli: Cli, rooms: Rooms, workdir: Path) -> None:
    cli("prepare", "--workdir", workdir)
    for stage in ("index", "ranking"):
        assert cli.error("train", "--workdir", workdir, f"--stage={stage}") == (
            f"{workdir}/candidates: not made yet: run `ytdnn train "
            f"--workdir={workdir}` first, or `ytdnn run` for all steps"
        )
    for stage in ("candidates", "ranking"):
        result = cli("train", "--workdir", workdir, f"--stage={stage}")
        assert f"next: ytdnn train --workdir={workdir}" in result.out
    assert rooms.calls == ["data", "candidates", "ranking"]


def test_a_config_that_disagrees_with_the_data_is_refused(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("prepare", "--workdir", workdir)
    error = cli.error("train", "--workdir", workdir, "--config.data.min_item_count=5")
    assert error == (
        f"{workdir}/data: config.data.min_item_count was 1, is 5: run `ytdnn prepare "
        f"--workdir={workdir}` first, or `ytdnn run` for all steps"
    )
    assert rooms.calls == ["data"]


def test_prepare_starts_from_the_defaults_of_data_alone(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("run", "--workdir", workdir, "--min_item_count=5", "--config.seed=4")
    cli("prepare", "--workdir", workdir)
    config = json.loads((workdir / "config.json").read_text())["config"]
    assert config["data"]["min_item_count"] == 1
    assert config["seed"] == 4


def test_a_command_on_nothing_is_refused_and_makes_nothing(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    for command in ("train", "evaluate", "export"):
        error = cli.error(command, "--workdir", workdir)
        assert error.startswith(f"expected a run in {workdir}, found no config.json")
    assert not workdir.exists()


def test_two_runs_at_once_are_refused(cli: Cli, rooms: Rooms, workdir: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from ytdnn.run.pipeline import workdir\n"
        "with workdir.lock(pathlib.Path(sys.argv[1])):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(workdir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        error = cli.error("run", "--workdir", workdir)
        assert error.startswith(f"another ytdnn (process {other.pid}) is running in")
        other.kill()
    assert cli("run", "--workdir", workdir).status == 0  # the lock died with it


def test_a_damaged_config_json_is_refused(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    cli("prepare", "--workdir", workdir)
    (workdir / "config.json").write_text("{")
    error = cli.error("train", "--workdir", workdir)
    assert error.startswith(f"expected JSON with `config` in {workdir}/config.json")


def test_settings_of_a_failed_command_do_not_stay(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    rooms.breaks_in = "data"
    assert cli("run", "--workdir", workdir, "--config.seed=7").status == 2
    assert not (workdir / "config.json").exists()
    rooms.breaks_in = ""
    cli("run", "--workdir", workdir)
    before = (workdir / "config.json").read_text()
    rooms.breaks_in = "candidates"
    for command in ("run", "train"):
        flags = ("--config.seed=7", "--config.candidates.embedding_dim=8")
        assert cli(command, "--workdir", workdir, *flags).status == 2
        assert (workdir / "config.json").read_text() == before


def test_a_failed_run_keeps_the_settings_of_what_it_made(
    cli: Cli, rooms: Rooms, workdir: Path
) -> None:
    rooms.breaks_in = "ranking"
    flags = ("--config.candidates.embedding_dim=8", "--config.ranking.tower=16")
    assert cli("run", "--workdir", workdir, *flags).status == 2
    config = json.loads((workdir / "config.json").read_text())["config"]
    assert config["candidates"]["embedding_dim"] == 8
    assert config["ranking"]["tower"] != [16]
    rooms.breaks_in = ""
    rooms.calls.clear()
    assert cli("train", "--workdir", workdir).status == 0
    assert rooms.calls == ["ranking"]


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ((), configs.quickstart()),
        (("--config.seed=3",), dataclasses.replace(configs.quickstart(), seed=3)),
        (
            ("--protocol=split",),
            configs.Config(data=configs.DataConfig(protocol="split")),
        ),
    ],
)
def test_without_a_setting_of_data_it_is_the_quickstart(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flag: tuple[str, ...],
    expected: configs.Config,
) -> None:
    found: list[configs.Config] = []

    def record(directory: Path, config: configs.Config, **_: object) -> None:
        found.append(config)
        raise errors.UserError("enough")

    monkeypatch.setattr(pipeline, "run", record)
    assert main.main(["run", f"--workdir={tmp_path / 'run'}", *flag]) == 2
    assert found == [expected]
