"""The core alone: a log becomes a bundle where `lab/` and `ops/` are deleted."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import polars as pl
import pytest

import ytdnn
from tests import planted
from ytdnn import configs
from ytdnn.run.pipeline import workdir

PACKAGE = pathlib.Path(ytdnn.__file__).parent
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A copy of the package without the folders, and an event log."""
    home = tmp_path_factory.mktemp("core")
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, home / "ytdnn", ignore=left_out)
    for folder in ("lab", "ops"):
        shutil.rmtree(home / "ytdnn" / folder)
    shutil.copy(PACKAGE.parent / "setup.cfg", home)
    planted.write_log(home / "log")
    return home


@pytest.fixture(scope="module")
def call(home: pathlib.Path) -> Call:
    """Runs the program of the copy."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ytdnn", *words]
        settings = os.environ | {"PYTHONPATH": str(home)}
        return subprocess.run(
            command, cwd=home, env=settings, capture_output=True, text=True
        )

    return run


@pytest.mark.thorough
def test_a_log_becomes_a_bundle(home: pathlib.Path, call: Call) -> None:
    config = planted.tiny_config(ranking_epochs=1)
    (home / "run").mkdir()
    workdir.write_config(home / "run", config)
    done = call("run", "--workdir=run", "--source=log", "--data_dir=log")
    assert done.returncode == 0, done.stderr
    assert (home / "run" / "bundle" / "manifest.json").exists()
    assert not (home / "run" / "evaluation" / "report.html").exists()
    assert "report.json" in done.stdout
    user = pl.read_parquet(home / "log" / "users.parquet")["user_id"][0]
    shown = call("recommend", "--workdir=run", f"--user={user}")
    assert shown.returncode == 0, shown.stderr
    assert "Recommended" in shown.stdout


MISSING = {
    "the command serve": ("serve", "--workdir=run"),
    "the source of logs world": ("prepare", "--workdir=other"),
    "the tracker mlflow": ("run", "--workdir=run", "--tracker=mlflow"),
    "the function of ytdnn spark": ("prepare", "--workdir=other", "--engine=spark"),
    "the step of a run refit": ("run", "--workdir=refitted", "--refit"),
    "the strategy mirrored": ("train", "--workdir=run", "--strategy=mirrored"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("part", MISSING)
def test_a_missing_part_is_named_in_a_line(
    home: pathlib.Path, call: Call, part: str
) -> None:
    for name in ("run", "refitted"):
        (home / name).mkdir(exist_ok=True)
        data = configs.DataConfig(source="log", dir=str(home / "log"))
        workdir.write_config(home / name, configs.Config(data=data))
    done = call(*MISSING[part])
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ytdnn: error: expected {part} in ytdnn.")
    assert line.endswith("found no such folder or file: install all of ytdnn")


@pytest.mark.thorough
def test_help_and_the_face_need_neither_folder(home: pathlib.Path, call: Call) -> None:
    done = call("--help")
    assert done.returncode == 0, done.stderr
    assert "ytdnn evaluate" in done.stdout
    assert "ytdnn serve" not in done.stdout
    program = (
        "import ytdnn\n"
        "try:\n    ytdnn.live_test\n"
        "except ytdnn.UserError as error:\n    print(error)"
    )
    settings = os.environ | {"PYTHONPATH": str(home)}
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the function of ytdnn live_test in ytdnn.lab" in shown.stdout
