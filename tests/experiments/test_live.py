"""The live experiment in its tiny form: variants, A/A, the table of promises kept."""

import dataclasses
import pathlib

import pytest
import rich.console

from experiments import live, world_small
from ytdnn import configs
from ytdnn.evaluation import order_choice_artifact
from ytdnn.lab.live import arms, built_in_arms, measures, play, report
from ytdnn.run.pipeline import workdir

WORLD = configs.WorldConfig(
    num_users=90, num_videos=120, num_topics=3, num_days=15, live_days=14
)


def test_variants_are_of_one_world_with_live_days() -> None:
    variants = live.get_variants()
    of_both, alone = {live.BOTH, live.CLICKS}, {live.HELD_OUT, live.EXAMPLE_AGE}
    assert set(variants) == of_both | alone | {live.CANDIDATES}
    assert {config.data.world.live_days for config in variants.values()} == {live.DAYS}
    assert not variants[live.CANDIDATES].ranking.enabled
    assert next(iter(variants.values())) == live.get_config()


def test_the_small_world_is_learned_as_in_its_own_experiment() -> None:
    found = live.get_variants(live.SMALL)[live.BOTH]
    own = world_small.get_config()
    assert (found.candidates, found.ranking) == (own.candidates, own.ranking)
    lived = dataclasses.replace(own.data.world, live_days=live.DAYS)
    assert found.data == dataclasses.replace(own.data, world=lived)
    assert live.get_config("quickstart-60").data.world.live_days == 60


def test_what_stands_beside_both_stages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    calls = []

    def live_test(arms: object, out: pathlib.Path, **given: object) -> None:
        calls.append((arms, out.name, given["refresh_days"]))

    monkeypatch.setattr(live.program, "main", lambda argv: 0)
    monkeypatch.setattr(live.pipeline, "export", lambda path: path)
    monkeypatch.setattr(live.pipeline, "live_test", live_test)
    live.run(live.LiveExperiment(tmp_path, [live.BOTH], live.FRESH))
    live.run(live.LiveExperiment(tmp_path, [live.BOTH], refresh_days=3))
    live.run(live.LiveExperiment(tmp_path, [live.HELD_OUT], live.ALONE, seed=2))
    both = tmp_path / live.BOTH / "seed-0"
    assert calls == [
        (
            {**dict.fromkeys(("never", "weekly", "daily"), both), "logging": None},
            "fresh-both",
            live.FRESH_DAYS,
        ),
        ({live.BOTH: both, **dict.fromkeys(built_in_arms.NAMES)}, "live-both", 3),
        ({live.HELD_OUT: tmp_path / live.HELD_OUT / "seed-2"}, "alone-held_out-2", 0),
    ]


def test_a_page_composed_in_another_way_is_exported_from_all_that_was_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    trained = tmp_path / live.BOTH / "seed-0"
    trained.mkdir(parents=True)
    workdir.write_config(trained, live.get_config())
    order_choice_artifact.publish(
        trained / "choice", order_choice_artifact.Choice(True, "better"), {}, {}
    )
    exported = {}

    def export(path: pathlib.Path, config: configs.Config | None = None) -> None:
        if config is not None:
            exported[path.parent.name] = config.composition
        assert order_choice_artifact.read(path) == order_choice_artifact.Choice(
            True, "better"
        )

    monkeypatch.setattr(live.program, "main", lambda argv: 0)
    monkeypatch.setattr(live.pipeline, "export", export)
    monkeypatch.setattr(live.pipeline, "live_test", lambda *_, **__: None)
    live.run(live.LiveExperiment(tmp_path, [live.BOTH], live.DIVERSE))
    assert {name: found.diversity for name, found in exported.items()} == {
        "topics": 0.5,
        "channels": 0.0,
        "topics_and_channels": 0.5,
    }


def test_the_table_says_which_share_of_a_promise_was_kept() -> None:
    both = arms.parse(["logging", "bound"])
    found = report.from_played(play.play(play.Test(WORLD, both, 2)))
    lift = found.differences["bound"][measures.HEADLINE].lift.value
    assert lift is not None
    screen = rich.console.Console(width=200, record=True)
    screen.print(live.show(found, {"logging": 100.0, "bound": 300.0}))
    text = screen.export_text()
    assert "+200%" in text
    assert f"{lift / 2.0:.0%}" in text
    screen.print(live.show(found, {"logging": 100.0, "bound": 99.0}))
    text = screen.export_text()  # of nothing promised there is no share
    assert "-1%" in text
    assert f"{lift / -0.01:.0%}" not in text
