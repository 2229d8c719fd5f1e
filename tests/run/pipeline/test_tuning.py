"""`tune_index` on a whole run: what it writes is what the next step builds."""

import json
import pathlib
import shutil

import pytest

import ytdnn
from tests.run.pipeline import conftest
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.lab.index_tuning import setting_search, tuning
from ytdnn.run.pipeline import runner
from ytdnn.run.pipeline import workdir as run_workdir


@pytest.fixture(scope="module")
def workdir(
    made: conftest.Made, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("tuned") / "run"
    shutil.copytree(made.workdir, directory)
    return directory


@pytest.fixture(scope="module")
def tuned(workdir: pathlib.Path) -> setting_search.TuningResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setting_search, "_TIMED_QUERIES", 2)
        return ytdnn.tune_index(workdir, kind="ivf", recall=0.7, k=5)


def test_the_run_has_the_setting_and_builds_it_next(
    workdir: pathlib.Path, tuned: setting_search.TuningResult
) -> None:
    config = run_workdir.require_config(workdir)
    assert config.index.search == tuned.chosen.config
    assert runner.next_command(config, workdir) == f"ytdnn train --workdir={workdir}"
    ytdnn.train(workdir, stage="index")
    manifest = artifacts.read_manifest(workdir / "index", "index")
    assert manifest.facts["indexes"] == ["exact", "ivf"]
    assert configs.component(configs.IndexConfig, manifest.config) == config.index


def test_curve_and_page_are_written(
    workdir: pathlib.Path, tuned: setting_search.TuningResult
) -> None:
    directory = workdir / tuning.KIND
    values = json.loads((directory / tuning.RESULT).read_text())
    assert values["chosen"]["recall"] == tuned.chosen.recall
    assert len(values["curve"]) == len(tuned.curve)
    page = (directory / tuning.PAGE).read_text()
    assert "Tuning of ivf" in page
    assert "<svg" in page
    artifacts.read_manifest(directory, tuning.KIND, deep=True)


def test_flags_give_the_same_setting(tuned: setting_search.TuningResult) -> None:
    from ytdnn.run.cli import given_settings

    given = [flag.removeprefix("--config.") for flag in tuning.flags(tuned).split()]
    config = given_settings.apply(
        configs.Config(), dict(flag.split("=", 1) for flag in given)
    )
    assert config.index.search == tuned.chosen.config


def test_a_recall_outside_its_range_is_a_line(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"expected --recall in \(0, 1\]"):
        ytdnn.tune_index(tmp_path, recall=1.5)
    with pytest.raises(errors.UserError, match="expected a run in"):
        ytdnn.tune_index(tmp_path)
