"""`live_test` trains runs on with what their own arm's users did."""

import pathlib

from ytdnn import pipeline
from ytdnn.data import prepared


def test_a_run_is_refreshed_on_the_log_of_its_arm(
    workdir: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    arms = {"logging": None, "mine": workdir, "old": workdir}
    out = tmp_path / "out"
    made = pipeline.live_test(arms, out, days=4, refresh_days={"mine": 2})
    assert list(made.arms) == ["logging", "mine", "old"]
    assert [path.name for path in (out / "refreshed").iterdir()] == ["mine"]
    (refreshed,) = (out / "refreshed" / "mine").iterdir()
    assert refreshed.name == "0021"  # after the second of the days from 20 on
    before, after = (prepared.load(place / "data") for place in (workdir, refreshed))
    assert len(after.watches) > len(before.watches)
    assert after.end_of_log > before.end_of_log
