"""What is stale is said once, with one thing to do."""

import dataclasses
import json
import pathlib

import pytest

from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.run.pipeline import graph, runner


@pytest.fixture
def workdir(tmp_path: pathlib.Path) -> pathlib.Path:
    """A run whose prepared set is current."""
    config = graph.DATA.config(configs.Config())
    facts = {"watches": 9, "users": 3, "vocabulary": 5}
    with artifacts.publish(tmp_path / "data", "data", config, {}, facts) as partial:
        (partial / "rows").write_text("some")
    return tmp_path


def test_a_current_input_is_accepted(workdir: pathlib.Path) -> None:
    runner.require([graph.CANDIDATES], configs.Config(), workdir)
    assert runner.staleness(graph.DATA, configs.Config(), workdir) == ""


def test_an_input_of_another_format_is_refused(workdir: pathlib.Path) -> None:
    manifest = workdir / "data" / "manifest.json"
    values = json.loads(manifest.read_text()) | {"format_version": 2}
    manifest.write_text(json.dumps(values))
    with pytest.raises(errors.UserError) as caught:
        runner.require([graph.CANDIDATES], configs.Config(), workdir)
    assert str(caught.value) == (
        f"{workdir / 'data'}: expected format version {artifacts.FORMAT_VERSION} in "
        f"{manifest}, found 2, of "
        f"another version of ytdnn: run `ytdnn prepare --workdir={workdir}` first, or "
        f"`ytdnn run` for all steps"
    )


def test_a_bundle_without_the_removed_videos_is_stale(
    workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a removal was killed between its list and its bundle."""
    config = configs.Config(advance="none")
    step = dataclasses.replace(graph.BUNDLE, inputs=(), config=lambda config: {})
    monkeypatch.setattr(graph, "BUNDLE", step)
    with artifacts.publish(workdir / "bundle", "bundle", {}, {}):
        pass
    assert runner.staleness(step, config, workdir) == ""
    artifacts.write_json(workdir / "removed_videos.json", {"removed_videos": ["a"]})
    assert runner.staleness(step, config, workdir) == "made from another removed_videos"
