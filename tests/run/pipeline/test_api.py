"""The steps as functions: what they make, return, skip, refuse, and print."""

import json
import pathlib
import shutil

import pandas as pd
import polars as pl
import pytest

import ytdnn
from tests import planted, refusals
from tests.run.pipeline import conftest
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.run import pipeline
from ytdnn.run.cli import main

refused = refusals.line


def copied(made: conftest.Made, directory: pathlib.Path) -> pathlib.Path:
    shutil.copytree(made.workdir, directory / "run")
    return directory / "run"


def test_preparing_returns_the_set(
    made: conftest.Made, tables: dict[str, pl.DataFrame]
) -> None:
    data = ytdnn.prepare(made.workdir, made.config, tables=tables)
    assert data.users["user_id"].sort().to_list() == sorted(
        tables["watches"]["user_id"].unique()
    )
    assert data.directory == made.workdir / "data"


def test_training_returns_directories_and_facts(made: conftest.Made) -> None:
    found = ytdnn.train(made.workdir)
    assert list(found.directories) == ["candidates", "index", "ranking"]
    assert found.directories["index"] == made.workdir / "index"
    assert found.facts["candidates"]["epochs"] == 2
    alone = ytdnn.train(made.workdir, stage="candidates")
    assert list(alone.directories) == ["candidates"]


def test_evaluating_returns_numbers_and_users(made: conftest.Made) -> None:
    found = ytdnn.evaluate(made.workdir, made.config)
    table = found.table()
    assert table.columns == ["model", "metric", "value"]
    row = table.filter(model="candidates", metric="recall@10").row(0, named=True)
    assert row["value"] == found.value("candidates", "recall@10")
    assert 0.0 < row["value"] <= 1.0
    assert {"popularity", "candidates", "ranker"} <= set(table["model"])
    assert found.users.height > 0


def test_a_training_shows_its_progress_where_asked(
    tables: dict[str, pl.DataFrame],
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    config = planted.tiny_config()
    ytdnn.prepare(tmp_path, config, tables=tables)
    ytdnn.train(tmp_path, config, stage="candidates", verbose=True)
    assert "candidates epoch 1/2" in capfd.readouterr().err


def test_the_same_frames_are_not_prepared_again_and_others_are(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    workdir = copied(made, tmp_path)
    lines: list[str] = []

    def prepare(tables: dict, **settings: bool) -> str:
        lines.clear()
        ytdnn.prepare(
            workdir, made.config, tables=tables, verbose=lines.append, **settings
        )
        return lines[0]

    same = {name: frame.clone() for name, frame in made.tables.items()}
    assert "skipped: " in prepare(same)
    assert "started (asked for)" in prepare(same, again=True)
    fewer = made.tables | {"watches": made.tables["watches"].head(-1)}
    assert "started (made from another watches)" in prepare(fewer)
    without = {k: v for k, v in fewer.items() if k != "users"}
    assert "started (made from another users)" in prepare(without)
    error = refused(ytdnn.evaluate, workdir, made.config)
    assert error.startswith(f"{workdir}/candidates: made from another data: run `ytdnn")


def test_frames_of_pandas_make_the_same_set(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    frames = {
        name: pd.DataFrame({column.name: column.to_list() for column in frame})
        for name, frame in made.tables.items()
    }
    data = ytdnn.prepare(tmp_path, made.config, tables=frames)
    files = artifacts.read_manifest(made.workdir / "data", "data").files
    assert data.manifest.files == files


def test_later_steps_need_no_frames_and_say_where_they_do(
    made: conftest.Made, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir = copied(made, tmp_path)
    assert main.main(["run", f"--workdir={workdir}", "--k=5"]) == 0
    out = capsys.readouterr().out
    assert (
        f"data: skipped: {workdir}/data is complete and current (its tables were "
        f"frames in memory, which are not read again)"
    ) in out
    assert main.main(["train", f"--workdir={workdir}"]) == 0
    capsys.readouterr()
    setting = "--config.data.min_item_count=2"
    assert main.main(["train", f"--workdir={workdir}", setting]) == 2
    assert capsys.readouterr().err == (
        f"ytdnn: error: {workdir}/data: config.data.min_item_count was 1, is 2: its "
        f'tables were frames in memory: ytdnn.prepare("{workdir}", tables=…) in Python '
        f"prepares them again\n"
    )
    assert main.main(["run", f"--workdir={workdir}", setting]) == 2
    assert "frames in memory and cannot be read again" in capsys.readouterr().err
    assert (workdir / "data" / "manifest.json").exists()  # what was made stays


def test_a_config_that_names_no_source_is_for_the_prepared_data(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    workdir = copied(made, tmp_path)
    assert made.config.data.source == "world"  # as its frames took the place of
    ytdnn.train(workdir, made.config)
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["config"]["data"]["source"] == "tables"
    elsewhere = configs.Config(data=configs.DataConfig(source="log", dir="elsewhere"))
    error = refused(ytdnn.train, workdir, elsewhere)
    assert "config.data.source was 'tables', is 'log'" in error


def test_tables_beside_another_source_are_refused(
    tables: dict[str, pl.DataFrame], tmp_path: pathlib.Path
) -> None:
    config = ytdnn.Config(data=configs.DataConfig(source="log", dir="logs"))
    error = refused(ytdnn.prepare, tmp_path / "run", config, tables=tables)
    assert error.startswith("expected tables= or a source in the config, received both")
    assert not (tmp_path / "run").exists()


def test_a_step_on_nothing_is_refused_and_makes_nothing(tmp_path: pathlib.Path) -> None:
    for arrow in (ytdnn.train, ytdnn.evaluate, ytdnn.export):
        error = refused(arrow, tmp_path / "run")
        assert error.startswith(f"expected a run in {tmp_path}/run, found no config")
    assert not (tmp_path / "run").exists()
    error = refused(ytdnn.train, tmp_path, stage="both")
    assert error.startswith("expected --stage to be one of candidates, index, ranking")


@pytest.mark.thorough
def test_the_whole_way_at_once(
    tables: dict[str, pl.DataFrame], tmp_path: pathlib.Path
) -> None:
    config = planted.tiny_config()
    ytdnn.prepare(tmp_path, config, tables={"watches": tables["watches"]})
    assert pipeline.run(tmp_path).value("candidates", "recall@10") > 0.0
    assert not (tmp_path / "ranking").exists()  # no impressions
    assert (tmp_path / "bundle" / "manifest.json").exists()
