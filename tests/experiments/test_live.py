"""The live experiment in its tiny form: variants, A/A, the table of promises kept."""

import pytest
import rich.console

from experiments import live
from ytdnn import configs
from ytdnn.live import arms, measures, play, report

WORLD = configs.World(
    num_users=90, num_videos=120, num_topics=3, num_days=15, live_days=14
)


def test_variants_are_of_one_world_with_live_days() -> None:
    variants = live.get_variants()
    assert set(variants) == {live.BOTH, live.CANDIDATES, live.CLICKS}
    assert {config.data.world.live_days for config in variants.values()} == {live.DAYS}
    assert not variants[live.CANDIDATES].ranking.enabled
    assert next(iter(variants.values())) == live.get_config()


def test_worlds_of_other_seeds_are_tested_against_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(configs.WORLDS, "tiny", WORLD)
    found = live.a_a(2)
    assert found.repeats == 2
    assert found.users > 2 * 40
    assert max(found.fixed, found.sequential) <= found.peeking <= 2


def test_the_table_says_which_share_of_a_promise_was_kept() -> None:
    both = arms.parse(["logging", "bound"])
    found = report.of(play.play(play.Test(WORLD, both, 2)))
    lift = found.differences["bound"][measures.HEADLINE].lift.value
    assert lift is not None
    screen = rich.console.Console(width=200, record=True)
    screen.print(live.show(found, {"logging": 100.0, "bound": 300.0}))
    text = screen.export_text()
    assert "+200%" in text
    assert f"{lift / 2.0:.0%}" in text
