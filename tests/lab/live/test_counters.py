"""An arm counts what its own users do: each event once, and no event of others."""

import pathlib
import shutil

import polars as pl
import pytest

from tests.lab.live.conftest import WORLD
from tests.lab.live.test_play import same
from ytdnn.bundle import bundle
from ytdnn.lab.live import arms, counters, finished_days, play
from ytdnn.log import prepared
from ytdnn.ops.state import continued_counts, opening

pytestmark = pytest.mark.thorough
DAYS = range(WORLD.num_days, WORLD.num_days + 2)
STATE = pathlib.Path("states", "live.db")
Counted = tuple[play.Test, play.LiveOutcome, pathlib.Path]


@pytest.fixture(scope="module")
def counted(workdir: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Counted:
    both = arms.parse([f"frozen={workdir}", f"live={workdir}"])
    test = play.Test(WORLD, arms.counting(both, ["live"]), len(DAYS), 0, 10_800)
    directory = tmp_path_factory.mktemp("counted")
    return test, play.play(test, directory), directory


def test_the_state_has_each_event_once(counted: Counted, workdir: pathlib.Path) -> None:
    directory, data = counted[2], prepared.load(workdir / "data")
    state = opening.open_store(str(directory / STATE))
    later = continued_counts.LaterEvents(data, state, opening.log_end(data))
    later.follow()
    ids = data.videos["video_id"]
    tables = finished_days.joined(
        [finished_days.read(directory, day, "live") for day in DAYS]
    )
    is_known = pl.col("video_id").is_in(ids.implode())
    watches, shown = (tables[n].filter(is_known) for n in ("watches", "impressions"))
    known, expected = later.watches(), watches.select("user_id", "time", "video_id")
    known = known.with_columns(ids.gather(known["video"] - 1))
    found = known.select("user", "time", "video_id").rows()
    assert sorted(found) == sorted(expected.rows())
    impressions = later.shard().impressions
    assert len(impressions.times) == shown.height > 100
    assert impressions.clicked.sum() == shown["clicked"].sum() > 10
    seconds = shown["watch_seconds"].sum()
    assert impressions.seconds.sum() == pytest.approx(seconds, rel=1e-5)


def test_the_recommender_counts(counted: Counted, workdir: pathlib.Path) -> None:
    opened = bundle.load(workdir / "bundle")
    arm = counters.ArmCounters(counted[2] / STATE)
    of_export = opened.manifest.facts["statistics_as_of"]["seconds"]
    arm.serve(workdir, opened, of_export)
    (variable,) = (v for v in arm._variables if v.name.startswith("counters"))
    values = [variable.numpy().copy()]
    for moment in (of_export, *map(finished_days.begin, (DAYS.start, DAYS.stop))):
        arm.count(moment)
        values.append(variable.numpy().copy())
    assert (values[0] == values[1]).all()
    assert (values[2] != values[3]).any()


def test_a_killed_test_counts_on(counted: Counted, tmp_path: pathlib.Path) -> None:
    test, played, directory = counted
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    number = len([*opening.open_store(str(tmp_path / STATE)).every()])
    for is_lost in (False, True):  # the finished days have all that is in the state
        shutil.rmtree(finished_days.path(tmp_path, DAYS[-1]))
        for path in tmp_path.glob(f"{STATE}*") if is_lost else ():
            path.unlink()
        assert same(played, play.play(test, tmp_path))
        assert len([*opening.open_store(str(tmp_path / STATE)).every()]) == number
