"""New answers are measured beside all, of runs with content and without."""

import pathlib

import pytest

from experiments import new_videos
from tests import uploads
from ytdnn.run.pipeline import workdir
from ytdnn.training import candidates


@pytest.mark.thorough
def test_new_answers_are_found_with_content_alone(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for name, variant in new_videos.get_variants().items():
        run = tmp_path / name
        data = uploads.prepared_data(run)
        config = uploads.config(content=variant.candidates.content.enabled)
        workdir.write_config(run, config)
        candidates.train(config, data, run / "candidates")
        new_videos.main([f"--workdir={run}"])
        assert "right answers found" in capsys.readouterr().out
        found[name] = new_videos.measure(run, new_videos.events.Split.TEST)
    without, with_content = found[new_videos.IDS], found[new_videos.CONTENT]
    assert without[new_videos.ALL].recall_of_new == 0.0
    assert with_content[new_videos.NEW].recall_of_new > 0.9
    plain = f"{new_videos.NEW}, {new_videos.PLAIN}"
    assert with_content[plain].recall_of_new > 0.9  # users keep to their channel
    assert without[plain].recall_of_new == 0.0  # it can list none
    assert with_content[new_videos.ALL].hit_rate > without[new_videos.ALL].hit_rate
