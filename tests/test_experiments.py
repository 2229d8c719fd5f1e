"""Every experiment's config validates, is indexed, and trains one tiny step."""

import ast
import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ytdnn import configs
from ytdnn.run.cli import resolved_config

EXPERIMENTS = pathlib.Path(__file__).parents[1] / "experiments"
FILES = sorted(
    path for path in EXPERIMENTS.glob("*.py") if "def get_config(" in path.read_text()
)
STUDIES = [path for path in FILES if "def get_variants(" in path.read_text()]
WORLD = configs.WorldConfig(
    num_users=40, num_videos=60, num_days=20, watches_per_user=20
)


def tiny(config: configs.Config) -> configs.Config:
    """Returns the experiment's own models and protocol on a world of seconds."""
    protocol = {"protocol": config.data.protocol, "vocabulary": config.data.vocabulary}
    stages = {}
    for name in ("candidates", "ranking"):
        stage = getattr(config, name)
        training = dataclasses.replace(stage.training, epochs=1, batch_size=64)
        stages[name] = dataclasses.replace(stage, training=training)
    return dataclasses.replace(
        config, data=configs.DataConfig(world=WORLD, **protocol), **stages
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_says_what_it_asks_and_how(path: pathlib.Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert text.splitlines()[0].endswith("?")
    assert "Claim:" in text
    assert "PAPER §" in text
    command = "study" if path in STUDIES else "run"
    assert f"ytdnn {command} --config=experiments/{path.name} --workdir=" in text
    assert "Protocol: " in text
    assert f"({path.name})" in (EXPERIMENTS / "README.md").read_text()


# What variants differ in, by the first word of the file; of others the candidates.
PARTS = {
    "live": ("candidates", "ranking"),  # one stage or both
    "ranking_noise": ("data",),
    "ranking": ("ranking",),
    "kuairand_pure": ("ranking",),
    "candidate_sources": ("composition",),
}


def parts_of(path: pathlib.Path) -> tuple[str, ...]:
    found = [parts for name, parts in PARTS.items() if path.stem.startswith(name)]
    return found[0] if found else ("candidates",)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_variants_differ_in_what_the_question_is_about(path: pathlib.Path) -> None:
    variants = resolved_config.load_variants(str(path))
    assert len(variants) > 1
    # By each other, by nothing outside these parts of the config, and asked the same.
    assert len(set(map(str, variants.values()))) == len(variants)
    own = resolved_config.load(str(path))
    assert own in variants.values()
    for config in variants.values():
        of_own = {part: getattr(own, part) for part in parts_of(path)}
        assert dataclasses.replace(config, **of_own) == own


def test_an_experiment_sets_its_own_values() -> None:
    """What the size of the log decides may change, and what they gave may not."""
    of_the_rule = {"defaults", "losses_by_log", "quickstart", "world_small"}
    for path in FILES:
        found = {"": resolved_config.load(str(path))}
        found |= resolved_config.load_variants(str(path)) if path in STUDIES else {}
        for config in found.values() if path.stem not in of_the_rule else ():
            assert not config.candidates.auto, path
            assert not config.ranking.auto, path


def test_ablations_remove_whole_groups_of_features() -> None:
    from experiments import ranking_ablations
    from ytdnn.features import past_features

    for features, names in (
        (past_features.OF_GROUPS, ranking_ablations.AFFINITY),
        (past_features.OF_VIDEO[:4], ranking_ablations.CHURN),
    ):
        assert {feature.name for feature in features} == set(names)


TrainStep = Callable[[str, configs.Config], bool]


@pytest.fixture(scope="module")
def train_step(tmp_path_factory: pytest.TempPathFactory) -> TrainStep:
    """Makes one step of a stage, once for all experiments that train it alike.

    The step runs op by op: tracing it as a graph takes longer. Returns whether the
    loss is a number and the weights have changed.
    """
    from ytdnn.layers import randomness
    from ytdnn.log import prepare, prepared
    from ytdnn.training import device_strategy, loop

    @functools.cache
    def prepared_data(config: configs.DataConfig) -> prepared.PreparedData:
        return prepare.prepare(config, tmp_path_factory.mktemp("prepared") / "data")

    @functools.cache
    def make(name: str, own: configs.Config) -> bool:
        randomness.set_seed(0)
        stage = stage_of(name, own, prepared_data(own.data))
        training = getattr(own, name).training
        trainer = loop.Trainer(stage, training, 0, device_strategy.make("none"))
        before = [variable.numpy() for variable in trainer.variables]
        (batch, *_), *_ = map(list, stage.batches(0, 0))
        loss = float(trainer._step(batch, np.int64(0)))
        pairs = zip(before, trainer.variables, strict=True)
        return np.isfinite(loss) and any(
            (old != new.numpy()).any() for old, new in pairs
        )

    def make_own(name: str, config: configs.Config) -> bool:
        others = {"candidates", "ranking", "index", "evaluation"} - {name}
        default = configs.Config()
        own = {other: getattr(default, other) for other in others}
        return make(name, dataclasses.replace(config, **own))

    return make_own


def stage_of(name: str, config: configs.Config, data: Any) -> Any:
    """Returns a stage of fresh weights, of several networks the last."""
    from ytdnn.candidates import model
    from ytdnn.ranking import building
    from ytdnn.training import candidates, ranking

    if name == "ranking":
        built = building.build(config.ranking, data, None)
        return ranking.make_stage(config, data, built)
    *before, last = [
        model.build(config.candidates, data)
        for _ in range(config.candidates.ensemble_size)
    ]
    return candidates.make_stage(config, data, last, before=before)


@pytest.mark.thorough
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_trains_a_tiny_step(
    path: pathlib.Path, train_step: TrainStep
) -> None:
    config = tiny(resolved_config.load(str(path)))
    assert train_step("candidates", config)
    assert train_step("ranking", config)


@pytest.mark.thorough
def test_the_curves_by_days_since_upload(tmp_path: pathlib.Path) -> None:
    from experiments import example_age
    from ytdnn.candidates import model
    from ytdnn.log import prepare
    from ytdnn.training import candidates

    world = dataclasses.replace(WORLD, num_users=80, num_days=60, watches_per_user=30)
    for name, config in example_age.get_variants().items():
        config = tiny(config)
        training = dataclasses.replace(config.candidates.training, batch_size=512)
        config = dataclasses.replace(
            config, candidates=dataclasses.replace(config.candidates, training=training)
        )
        run = tmp_path / name / "seed-0"
        data = prepare.prepare(configs.DataConfig(world=world), run / "data")
        candidates.train(config, data, run / "candidates")
    found = example_age.curves(tmp_path)
    assert list(found) == ["empirical", "without", "with"]
    trained = model.load(tmp_path / example_age.WITH / "seed-0" / "candidates", data)
    window = example_age.Window.from_data(data, trained)
    assert np.allclose(example_age.empirical(window).sum(axis=1), 1.0)
    # Nobody watches a video before it is there; models do not know that.
    assert (found["empirical"][: example_age.DAYS_BEFORE] == 0.0).all()
    assert found["empirical"][example_age.DAYS_BEFORE :].max() > 0.0
    for name in ("without", "with"):
        assert (found[name] > 0.0).all()
        assert found[name].max() < 1.0
    assert example_age.distance(found["empirical"], found["empirical"]) == 0.0
    assert 0.0 < example_age.distance(found["with"], found["empirical"]) <= 2.0
    run = tmp_path / example_age.WITH / "seed-0"
    every = example_age.of_runs({"one": run}, 2)
    assert list(every) == ["mean over videos", "new video 1", "new video 2"]
    np.testing.assert_allclose(every["mean over videos"]["one"], found["with"])
