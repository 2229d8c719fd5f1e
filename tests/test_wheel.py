"""The wheel runs outside the repository, in an environment of its own."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SMALL = ("num_users=120", "num_videos=150", "num_topics=3", "num_days=30")


@pytest.mark.slow  # builds, and installs TensorFlow into an empty environment
@pytest.mark.timeout(1800)
def test_the_wheel_runs_all_steps_in_an_empty_environment(
    tmp_path: pathlib.Path,
) -> None:
    def call(*command: object) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    dist, venv = tmp_path / "dist", tmp_path / "venv"
    call(sys.executable, "-m", "build", "--wheel", "--outdir", dist, ROOT)
    (wheel,) = dist.glob("*.whl")
    call(sys.executable, "-m", "venv", venv)
    python = venv / "bin" / "python"
    pins = ("-c", ROOT / "constraints.txt")
    call(python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", *pins, wheel)
    world = [f"--config.data.world.{setting}" for setting in SMALL]
    shown = call(venv / "bin" / "ytdnn", "run", "--workdir=first", *world)
    assert "next: ytdnn recommend --workdir=first" in shown
    shown = call(venv / "bin" / "ytdnn", "recommend", "--workdir=first", "--user=u1")
    assert len(shown.splitlines()) > 5
