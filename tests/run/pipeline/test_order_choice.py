"""A run that was told to choose serves what it chose, in all that comes after."""

import dataclasses
import pathlib
import shutil

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests.run.pipeline import conftest
from ytdnn.base import artifacts
from ytdnn.evaluation import live_term_choice, order_choice, order_choice_artifact
from ytdnn.log import prepared
from ytdnn.retrieval import impression_rates
from ytdnn.run.pipeline import workdir


@pytest.fixture(scope="module")
def chosen(
    made: conftest.Made, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pathlib.Path, list[str]]:
    """A trained run that is now told to choose, without its ranker."""
    directory = tmp_path_factory.mktemp("choice") / "run"
    shutil.copytree(made.workdir, directory, ignore=shutil.ignore_patterns("bundle"))
    ranking = dataclasses.replace(made.config.ranking, enabled="auto")
    lines: list[str] = []
    config = dataclasses.replace(made.config, ranking=ranking)
    with pytest.MonkeyPatch.context() as patched:
        choice = order_choice_artifact.Choice(serves_ranker=False, words="it is behind")
        patched.setattr(order_choice, "from_run", lambda config, workdir: choice)
        without = order_choice_artifact.Choice(True, "")
        patched.setattr(live_term_choice, "from_run", lambda *_: without)
        trained = ytdnn.train(directory, config, verbose=lines.append)
    assert trained.facts["choice"]["serves_ranker"] is False
    return directory, lines


def test_a_trained_ranker_is_judged_without_training_it_again(
    chosen: tuple[pathlib.Path, list[str]],
) -> None:
    _, lines = chosen
    assert any("ranking: skipped: " in line for line in lines)
    assert "it is behind" in lines


def test_the_choice_of_a_run_is_that_of_its_validation_window(
    made: conftest.Made,
) -> None:
    found = order_choice.from_run(made.config, made.workdir)
    # It was trained until it knows the planted tastes.
    assert found.serves_ranker
    assert "on the validation window, nDCG by watch seconds" in found.words


@pytest.mark.thorough
def test_what_is_not_chosen_is_measured_but_not_served(
    chosen: tuple[pathlib.Path, list[str]],
) -> None:
    directory, _ = chosen
    report = ytdnn.evaluate(directory).report
    assert "ranker" in report.impressions
    assert report.protocol.served_order == "it is behind"
    ytdnn.export(directory)
    assert not ytdnn.Recommender.load(directory / "bundle").bundle.has_ranker
    manifest = artifacts.read_manifest(directory / "bundle", "bundle")
    assert "ranking" not in manifest.inputs
    lines: list[str] = []
    ytdnn.export(directory, verbose=lines.append)
    assert "skipped: " in lines[1]


@pytest.mark.thorough
def test_a_refresh_serves_what_was_chosen(
    chosen: tuple[pathlib.Path, list[str]], made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    directory = tmp_path / "run"
    shutil.copytree(chosen[0], directory)
    tables = {
        name: made.tables[name].tail(60).with_columns(pl.col("time") + 10_000_000)
        for name in ("watches", "impressions")
    }
    bundle = ytdnn.refresh(directory, tmp_path / "day", tables=tables)
    assert not ytdnn.Recommender.load(bundle).bundle.has_ranker
    # The command hands over the settings of the run, of which some are chosen.
    shutil.rmtree(directory / "choice")
    choice = order_choice_artifact.Choice(True, "", "click_rate", seconds_weight=0.3)
    order_choice_artifact.publish(directory / "choice", choice, {}, {})
    config = workdir.require_config(directory)
    bundle = ytdnn.refresh(directory, tmp_path / "two", tables=tables, config=config)
    served = artifacts.read_manifest(bundle, "bundle").config["composition"]
    assert (served["ordered_by"], served["seconds_weight"]) == ("click_rate", 0.3)


def test_a_chosen_count_orders_the_bundle(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(made.workdir, tmp_path / "run")
    ranking = dataclasses.replace(made.config.ranking, enabled="auto")
    config = dataclasses.replace(made.config, ranking=ranking)
    with pytest.MonkeyPatch.context() as patched:
        choice = order_choice_artifact.Choice(True, "it is ahead", "click_rate")
        patched.setattr(order_choice, "from_run", lambda config, workdir: choice)
        ytdnn.train(tmp_path / "run", config)
    recommender = ytdnn.Recommender.load(ytdnn.export(tmp_path / "run"))
    assert "share of clicks" in recommender.bundle.score_meaning
    found = recommender.recommend(["u3", "u1"], k=9)
    data = prepared.load(tmp_path / "run" / "data")
    rates = np.exp(impression_rates.served(data, "click_rate"))
    ids = data.videos["video_id"].to_list()
    wanted = [rates[ids.index(video) + 1] for video in found["video_id"]]
    assert found["score"].to_list() == pytest.approx(wanted, rel=1e-5)
    assert found["score"].n_unique() > 2
    for scores in found.partition_by("request"):
        assert scores["score"].is_sorted(descending=True)
    assert "expected_watch_seconds" in found.columns  # the ranker's
    lines: list[str] = []
    ytdnn.export(tmp_path / "run", verbose=lines.append)
    assert "skipped: " in lines[1]
