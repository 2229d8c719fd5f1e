"""All experiments are run again by one command."""

import pathlib
import re
import subprocess

import pytest

from experiments import __main__ as rerun

EXPERIMENTS = pathlib.Path(__file__).parents[2] / "experiments"
INDEXED = rerun.indexed()


def test_every_experiment_is_indexed() -> None:
    tools = {"__main__", "figures", "logs", "write_results"}
    files = {path.stem for path in EXPERIMENTS.glob("*.py")} - tools
    assert {experiment.name for experiment in INDEXED} == files


@pytest.mark.parametrize("experiment", INDEXED, ids=lambda e: e.name)
def test_its_commands_are_a_script_about_itself(
    experiment: rerun.Experiment,
) -> None:
    subprocess.run(["bash", "-n", "-c", experiment.commands], check=True)
    name = experiment.name
    assert f"experiments/{name}.py" in experiment.commands or (
        f"python -m experiments.{name}" in experiment.commands
    )
    first = r"(ytdnn|python -m experiments|pip install|METRICS=)"
    assert re.match(first, experiment.commands)
    assert "Measured" not in experiment.commands  # prose


def test_data_that_is_there_is_read_and_other_downloaded(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-100k.zip").touch()
    commands = "ytdnn run \\\n    --config.data.dir={}.zip --config.seed=1\n"
    for name, given in [("ml-1m", "ml-1m"), ("ml-100k", "ml-100k.zip")]:
        found = rerun.with_data(commands.format(name), tmp_path)
        assert f"--config.data.dir={tmp_path / given} --config.seed=1" in found
    for directory in (tmp_path, None):
        found = rerun.with_data(commands.format("ml-latest-small"), directory)
        assert "data.dir" not in found
        assert "--config.seed=1" in found


def test_what_ended_well_is_not_run_again(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "elsewhere"
    commands = "mkdir -p runs/made\npython -c 'print(1)' >> runs/made/lines\n"
    experiment = rerun.Experiment("made", commands)
    assert rerun.rerun(experiment, out, None)[0] == "done"
    assert rerun.rerun(experiment, out, None)[0] == "done before"
    assert (out / "made" / "lines").read_text() == "1\n"
    changed = rerun.Experiment("made", commands + "echo again; false\n")
    assert rerun.rerun(changed, out, None)[0] == "exit status 1"
    assert rerun.rerun(changed, out, None)[0] == "exit status 1"
    assert (out / "made" / "lines").read_text() == "1\n1\n1\n"
    assert (out / "logs" / "made.log").read_text() == "again\n"


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(SystemExit, match="expected all or names of quickstart, "):
        rerun.main(["--run=quick"])
