"""The report, its table and its page; and that a test against itself finds nothing."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest
import rich.console

from tests.evaluation import example
from tests.lab.live.conftest import WORLD
from ytdnn.base import errors
from ytdnn.evaluation import report_files
from ytdnn.lab.live import arms, comparing, exposure, live_tests, measures, play, report
from ytdnn.lab.pages import live_page
from ytdnn.run import pipeline


@pytest.fixture(scope="module")
def made(played: tuple[play.LiveOutcome, pathlib.Path]) -> report.LiveReport:
    return report.from_played(played[0])


def test_the_bound_wins(made: report.LiveReport) -> None:
    """Against the policy of the log, by watch time; any look is the more careful."""
    found = made.differences["bound"][measures.HEADLINE]
    one, whenever, lift = found.difference, found.sequential, found.lift.value
    assert lift is not None
    assert lift > 0.5
    assert one.value == whenever.value
    assert one.low is not None
    assert whenever.low is not None
    assert whenever.low < one.low


def test_values_are_those_of_the_sums(
    made: report.LiveReport, played: tuple[play.LiveOutcome, pathlib.Path]
) -> None:
    found, _ = played
    for place, (name, arm) in enumerate(made.arms.items()):
        sums = np.zeros(len(measures.SUMMED))
        for day in found.daily:
            sums += day.sums[found.arm_of[day.users] == place].sum(axis=0)
        column = dict(zip(measures.SUMMED, sums, strict=True))
        expected = column["seconds"] / column["visits"]
        assert arm.metrics[measures.HEADLINE].value == pytest.approx(expected), name
        assert arm.visits == column["visits"]


def test_the_table_and_the_page_show_every_arm_and_metric(
    made: report.LiveReport,
) -> None:
    screen = rich.console.Console(width=200, record=True)
    screen.print(live_page.render(made, 200))
    text, html = screen.export_text(), live_page.draw(made)
    for name in (*made.arms, *map(live_page.words, measures.METRICS)):
        assert name in text
        assert name in html
    assert "<svg" in html
    assert "http" not in html.replace("http-equiv", "").replace(
        "http://www.w3.org/2000/svg", ""
    )


def test_offline_numbers_stand_beside_live_ones(made: report.LiveReport) -> None:
    title = "Which offline number would have picked the winner?"
    assert title not in live_page.draw(made)
    offline = {
        arm: {"hit_rate@8": 0.1 * place, "hit_rate@50": 0.5, "coverage@8": 0.7}
        for place, arm in enumerate(list(made.arms)[:2], 1)
    }
    html = live_page.draw(dataclasses.replace(made, offline=offline))
    assert title in html
    assert "Live against hit rate@8" in html
    assert "Live against hit rate@50" not in html  # in the table alone
    assert "hit rate@50" in html
    assert "coverage" not in html
    one = dataclasses.replace(made, offline=dict([next(iter(offline.items()))]))
    assert title not in live_page.draw(one)


def test_offline_numbers_are_those_of_the_runs_own_evaluation(
    tmp_path: pathlib.Path,
) -> None:
    said: list[str] = []
    evaluated = example.typed()
    for name, inputs in {"mine": {}, "stale": {"data": "an older one"}}.items():
        result = report_files.Result(evaluated, pl.DataFrame(), inputs)
        with report_files.publish(tmp_path / name / "evaluation", result):
            pass
    asked = [arms.Arm(name, tmp_path / name) for name in ("mine", "stale", "none")]
    found = live_tests._offline([arms.Arm("logging"), *asked], said.append)
    assert list(found) == ["mine"]
    assert found["mine"]["ndcg@10"] == evaluated.lists["system"].values["ndcg@10"]
    assert len(said) == 1
    assert "arm stale without the numbers of its evaluation" in said[0]


def test_a_a_splits_alarm_no_more_often_than_they_should() -> None:
    """Users who differ much and come often, in two arms that are one."""
    rng = np.random.default_rng(0)
    num_users = 300
    rate = rng.lognormal(3.0, 0.7, num_users)

    def day(number: int) -> measures.DaySums:
        visits = rng.poisson(1.0, num_users) + (number == 0)
        sums = np.zeros((num_users, len(measures.SUMMED)))
        sums[:, 0] = visits
        sums[:, 3] = visits * rate * rng.lognormal(0.0, 0.5, num_users)
        return measures.DaySums(np.arange(num_users), sums)

    earlier = day(0)
    found = comparing.false_alarms(
        earlier,
        [day(number) for number in range(7)],
        num_users,
        np.arange(num_users),
        measures.METRICS[measures.HEADLINE],
    )
    assert found is not None
    assert found.fixed <= 16
    assert found.sequential <= 16
    assert found.peeking > 16


def test_a_difference_is_found_by_daily_looks() -> None:
    num_users = 400
    rng = np.random.default_rng(1)
    arm = np.arange(num_users) % 2

    def day(effect: float) -> measures.DaySums:
        sums = np.zeros((num_users, len(measures.SUMMED)))
        sums[:, 0] = 1.0
        sums[:, 3] = rng.normal(100.0, 30.0, num_users) + effect * arm
        return measures.DaySums(np.arange(num_users), sums)

    members = [np.flatnonzero(arm == place) for place in (0, 1)]
    looks = comparing.Looks(day(0.0), num_users, members, [measures.HEADLINE])
    for number in range(7):
        looks.add(day(20.0))
        found = looks.now[1][measures.HEADLINE]
        half = looks.half_width(measures.HEADLINE, 1)
        sure = looks.sure_since(measures.HEADLINE, 1)
        assert (sure == number + 1) == (
            sure is not None and sure > number and abs(found.difference) > half
        )
    assert looks.sure_since(measures.HEADLINE, 1) is not None
    assert found.difference == pytest.approx(20.0, abs=4.0)


def test_the_effective_number_of_videos() -> None:
    # Shares 1/2, 1/4, 1/4: entropy 1.5 bits.
    found = exposure.effective_number(np.array([2.0, 1.0, 1.0, 0.0]))
    assert found == pytest.approx(2.0**1.5)


def test_the_function_of_the_library(tmp_path: pathlib.Path) -> None:
    given = {"logging": None, "popularity": None}
    world = dataclasses.replace(WORLD, num_users=60, num_days=5, live_days=2)
    made = pipeline.live_test(given, tmp_path / "test", world=world, days=1)
    assert list(made.arms) == ["logging", "popularity"]
    assert {path.name for path in (tmp_path / "test").iterdir()} >= {
        "report.json",
        "report.html",
        "logs",
        "days",
    }
    longer = pipeline.live_test(given, tmp_path / "test", world=world)
    assert longer.daily[0] == made.daily[0] or len(longer.daily) == 2
    with pytest.raises(errors.UserError, match="refresh_days"):
        pipeline.live_test(given, tmp_path / "test", world=world, refresh_days=-1)
    assert arms.parse(["logging", "popularity"])
