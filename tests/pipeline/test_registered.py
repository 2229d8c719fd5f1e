"""Steps of a run by name: the refit, and a step of a package."""

import pathlib

from tests import extras, planted
from ytdnn import configs, registries
from ytdnn.pipeline import graph, runner


def test_the_refit_adds_its_steps_and_replaces_the_bundle() -> None:
    assert registries.STEPS.own() == ("refit",)
    plain, refit = (graph.every(configs.Config(refit=own)) for own in (False, True))
    assert plain == graph.STEPS
    assert refit[: len(plain) - 1] == plain[:-1]
    assert [step.name for step in refit[-2:]] == ["refit/ranking", "bundle"]
    assert refit[-1] != plain[-1]
    assert "refit/candidates" in refit[-1].inputs


def test_a_step_of_a_package_is_made_and_made_again_when_stale(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "package").mkdir()
    run = tmp_path / "run"
    planted.prepared_data(run)
    with extras.installed(tmp_path / "package"):
        config = configs.Config()
        several = graph.every(config)
        assert [step.name for step in several[-2:]] == ["audience", "bundle"]
        lines: list[str] = []
        for _ in range(2):
            runner.run([several[-2]], config, run, lines.append)
        assert "audience" in lines[0]
        assert "u0" in (run / "audience" / "users.csv").read_text().splitlines()
        assert runner.staleness(several[-2], config, run) == ""
        planted.prepared_data(run, seed=1)
        assert "another data" in runner.staleness(several[-2], config, run)
