"""`live_test` trains runs on with what their own arm's users did."""

import pathlib

import pytest

from ytdnn.log import prepared
from ytdnn.run import pipeline


@pytest.mark.thorough
def test_a_run_is_refreshed_on_the_log_of_its_arm(
    workdir: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = {"logging": None, "mine": workdir, "old": workdir}
    out = tmp_path / "out"
    refresh, counters = {"mine": 2}, ["mine"]
    made = pipeline.live_test(
        arms, out, days=4, refresh_days=refresh, counters=counters, verbose=True
    )
    said = [line for line in capsys.readouterr().err.splitlines() if "trained" in line]
    assert said == ["live test: mine is trained on with what its users did until day 2"]
    assert list(made.arms) == ["logging", "mine", "old"]
    assert made.arms["mine"].serving_milliseconds
    assert made.differences["mine"]["watch_seconds_per_visit"].difference.value
    assert [path.name for path in (out / "refreshed").iterdir()] == ["mine"]
    (refreshed,) = (out / "refreshed" / "mine").iterdir()
    assert refreshed.name == "0021"  # after the second of the days from 20 on
    assert (out / "states" / "mine.db").exists()
    before, after = (prepared.load(place / "data") for place in (workdir, refreshed))
    assert len(after.watches) > len(before.watches)
    assert after.windows.end_of_log > before.windows.end_of_log
