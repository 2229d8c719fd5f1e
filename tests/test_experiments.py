"""Every experiment's config validates, is indexed, and trains one tiny step."""

import ast
import dataclasses
import pathlib

import pytest

from ytdnn import configs
from ytdnn.cli import config_file

EXPERIMENTS = pathlib.Path(__file__).parents[1] / "experiments"
FILES = sorted(
    path for path in EXPERIMENTS.glob("*.py") if "def get_config(" in path.read_text()
)
WORLD = configs.World(num_users=40, num_videos=60, num_days=20, watches_per_user=20)


def tiny(config: configs.Config) -> configs.Config:
    """Returns the experiment's own models and protocol on a world of seconds."""
    protocol = {"protocol": config.data.protocol, "vocabulary": config.data.vocabulary}
    stages = {}
    for name in ("candidates", "ranking"):
        stage = getattr(config, name)
        training = dataclasses.replace(stage.training, epochs=1, batch_size=4096)
        stages[name] = dataclasses.replace(stage, training=training)
    return dataclasses.replace(
        config, data=configs.Data(world=WORLD, **protocol), **stages
    )


def test_there_are_experiments() -> None:
    names = {path.stem for path in FILES}
    assert names >= {"quickstart", "movielens_1m", "movielens_100k"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_says_what_it_asks_and_how(path: pathlib.Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert text.splitlines()[0].endswith("?")
    assert "Claim:" in text
    assert "PAPER §" in text
    assert f"ytdnn run --config=experiments/{path.name} --workdir=" in text
    assert "Protocol: " in text
    assert f"({path.name})" in (EXPERIMENTS / "README.md").read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_trains_a_tiny_step(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    from ytdnn import artifacts
    from ytdnn.data import prepare
    from ytdnn.training import candidates, ranking

    config = tiny(config_file.load(str(path)))
    data = prepare.prepare(config.data, tmp_path / "data")
    for stage, name in ((candidates, "candidates"), (ranking, "ranking")):
        stage.train(config, data, tmp_path / name)
        made = artifacts.read_manifest(tmp_path / name, name)
        assert made.facts["epochs"] == 1
        assert made.inputs == {"data": data.manifest.fingerprint}
