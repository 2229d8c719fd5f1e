"""Steps of a run by name, and versions of parts by which outputs are recognised."""

import dataclasses
import pathlib

from tests import extras, planted
from ytdnn import configs
from ytdnn.base import artifacts, registries, registry
from ytdnn.run.pipeline import graph, log_size, runner


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


def feature(text: str) -> str:
    return extras.files()["ytdnn_extras/weekend.py"] + f"\n# {text}\n"


def test_a_changed_feature_makes_the_ranker_stale(tmp_path: pathlib.Path) -> None:
    """Only where it is read; the candidates stay as they are."""
    run, file = tmp_path, tmp_path / "weekend.py"
    planted.prepared_data(run)
    tiny = planted.tiny_config()
    read = configs.FeaturesConfig(add=("weekend",))
    with extras.registered():
        file.write_text(feature("first"))
        config = dataclasses.replace(
            tiny,
            extensions=(str(file),),
            ranking=dataclasses.replace(tiny.ranking, features=read),
        )
        for step in (graph.CANDIDATES, graph.RANKING):
            inputs = runner.input_fingerprints(step, config, run)
            settings = dict(step.config(log_size.resolved(config, run)))
            with artifacts.publish(run / step.name, step.name, settings, inputs):
                pass
            assert runner.staleness(step, config, run) == ""
        assert list(inputs) == ["data", "candidates", "feature weekend"]
        with extras.registered():
            file.write_text(feature("second"))
            registries.FEATURES._parts.pop("weekend")
            registries.FEATURES._origins.pop("weekend")
            registry.extend(str(file))
            reason = runner.staleness(graph.RANKING, config, run)
            assert reason == "made from another feature weekend"
            assert runner.staleness(graph.CANDIDATES, config, run) == ""


def test_a_changed_loss_makes_the_contest_stale(tmp_path: pathlib.Path) -> None:
    planted.prepared_data(tmp_path)
    with extras.registered():
        registry.extend(str(extras.EXAMPLES / "ytdnn_extras" / "margin.py"))
        candidates = configs.CandidatesConfig(loss=registries.LOSSES["margin"].config())
        config = configs.Config(candidates=candidates)
        inputs = runner.input_fingerprints(graph.CONTEST, config, tmp_path)
        facts = {"winner": "random"}
        for version, reason in ((inputs["loss"], ""), ("", "made from another loss")):
            settings = dict(graph.CONTEST.config(log_size.resolved(config, tmp_path)))
            made_from = inputs | {"loss": version}
            path = tmp_path / "contest"
            with artifacts.publish(path, "contest", settings, made_from, facts):
                pass
            assert runner.staleness(graph.CONTEST, config, tmp_path) == reason


def test_versions_are_those_of_parts_from_outside_that_are_used(
    tmp_path: pathlib.Path,
) -> None:
    config = configs.Config()
    assert registries.versions_of_ranker(config, asks_sources=True) == {}
    assert registries.versions_of_bundle(config) == {}
    assert registries.versions_of_evaluation(config) == {}
    with extras.installed(tmp_path):
        composition = configs.CompositionConfig(
            sources=(("all_time_popular", 0.5),),
            rerankers=("short_first",),
        )
        used = dataclasses.replace(
            config,
            composition=composition,
            evaluation=configs.EvaluationConfig(
                metrics=("brier", "popularity_complement")
            ),
        )
        version = "ytdnn-extras 1.0"
        sources = {"candidate source all_time_popular": version}
        assert registries.versions_of_ranker(used, asks_sources=True) == sources
        assert registries.versions_of_ranker(used, asks_sources=False) == {}
        composed = {**sources, "re-ranker short_first": version}
        assert registries.versions_of_bundle(used) == composed
        of_evaluation = {**composed, "metric of impressions brier": version}
        assert registries.versions_of_evaluation(used) == of_evaluation
