"""A log of news: a run follows what is watched now, and serves it."""

import pathlib
import shutil

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests.run.pipeline import conftest
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.bundle import bundle as bundles
from ytdnn.evaluation import bundles as served_lists
from ytdnn.evaluation import (
    composed_slates,
    lists,
    live_term_lists,
    order_choice_artifact,
    report_files,
    tables,
    user_cases,
)
from ytdnn.log import prepared
from ytdnn.retrieval import live_terms, trained_stage
from ytdnn.run.pipeline import api, external_evaluations

HOUR = 3_600
CONFIG = configs.Config(
    data=configs.DataConfig(source="tables", test_fraction=0.2),
    candidates=configs.CandidatesConfig(
        embedding_dim=4, tower=(8,), training=configs.TrainingConfig(epochs=1)
    ),
    evaluation=configs.EvaluationConfig(
        ks=(1, 5), num_resamples=50, baselines=("recent_popularity",)
    ),
)


def news(num_hours: int = 120, seed: int = 0) -> pl.DataFrame:
    """Returns watches of articles that live for three hours, three new ones an hour.

    The first of each hour has most watches; who watches it, often goes on to the next.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for hour in range(num_hours):
        for _ in range(40):
            user = int(rng.integers(0, 80))
            age = int(rng.choice(3, p=[0.6, 0.3, 0.1]))
            article = 3 * max(hour - age, 0) + int(rng.choice(3, p=[0.8, 0.1, 0.1]))
            time = hour * HOUR + int(rng.integers(0, HOUR - 60))
            rows.append((user, f"a{article}", 1_600_000_000 + time))
            if article % 3 == 0 and rng.random() < 0.7:
                rows.append((user, f"a{article + 1}", 1_600_000_000 + time + 30))
    return pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, list[str]]:
    directory = tmp_path_factory.mktemp("news") / "run"
    lines: list[str] = []
    ytdnn.prepare(directory, CONFIG, tables={schema.WATCHES: news()})
    api.run(directory, CONFIG, verbose=lines.append)
    return directory, lines


def test_candidates_train_up_to_the_test_and_follow_what_is_watched(
    run: tuple[pathlib.Path, list[str]],
) -> None:
    directory, lines = run
    windows = prepared.load(directory / "data").manifest.facts["windows"]
    assert windows["ranking"] == windows["test"]
    choice = order_choice_artifact.read(directory)
    assert choice is not None
    assert len(choice.live_weights) == live_terms.NUM_TERMS == 19  # as its manifest
    assert choice.words in lines
    assert "follow what is watched" in choice.words
    report = report_files.read(directory / "evaluation").report
    assert report.protocol.served_order == choice.words
    by_requests = report.requests.systems
    hits = {name: each.values["hit_rate@5"] for name, each in by_requests.items()}
    assert hits[lists.CANDIDATES] > 0.5
    assert hits[lists.NETWORK] < 0.1  # articles live for three hours
    assert hits[lists.CANDIDATES] >= hits["last_hour"] - 0.02
    assert report.requests.rival != lists.NETWORK
    assert tables.model_title(lists.NETWORK) == "candidates, network alone"


@pytest.mark.parametrize("repeats", [False, True])
def test_a_bundle_answers_as_the_lists_of_its_moment(
    run: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path, repeats: bool
) -> None:
    directory, config = run[0], CONFIG
    choice = order_choice_artifact.read(directory)
    assert choice is not None
    given = choice.live_weights
    if repeats:  # what the user watched before is listed, and counts
        directory, given = tmp_path / "run", (*given[:-4], 0.7, 0.4, *given[-2:])
        shutil.copytree(run[0], directory)
        kept = {"composition.live_weights": given}
        kept |= dict.fromkeys(
            ("composition.remove_watched", "evaluation.remove_watched"), False
        )
        config = configs.changed(CONFIG, kept)
        ytdnn.export(directory, config)
    data = prepared.load(directory / "data")
    trained = trained_stage.load(directory / "candidates", data).candidates
    vectors = trained.video_vectors()
    moment = data.windows.end_of_log + 1
    users = np.arange(20)
    ends = data.log.shard_index.offsets("watches")[users + 1]
    times = np.full(len(users), moment)
    asked = user_cases.at_requests(
        data, (users, ends, times), config.evaluation, trained.num_listed
    )
    live = live_term_lists.LiveCandidates(data, trained, vectors, moment)
    expected = live.maker(live_terms.weights(np.array(given)))(asked, 5)
    served = served_lists.ServedLists(bundles.load(directory / "bundle"), data)
    make = served_lists._recommender(served, bundles.RECOMMENDER + bundles.EXACT)
    np.testing.assert_array_equal(make(asked, 5), expected)
    requests = live.requests(asked)
    is_own = expected[:, :, np.newaxis] == requests.history[:, np.newaxis]
    assert is_own.any() == repeats
    assert 0 < requests.in_session.sum() < len(asked)


def test_lists_of_many_users_follow_too(
    run: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path
) -> None:
    recommender = ytdnn.Recommender.load(run[0] / "bundle")
    users = recommender.data.users[schema.USER_ID].to_list()[:9]
    expected = recommender.recommend([{"user_id": user} for user in users], 5, True)
    together = recommender.recommend(users, 5, exact=True)
    assert together["video_id"].to_list() == expected["video_id"].to_list()
    np.testing.assert_allclose(together["score"], expected["score"], rtol=1e-5)
    ytdnn.write_recommendations(recommender, tmp_path / "l.parquet", users, 5)
    written = pl.read_parquet(tmp_path / "l.parquet")
    assert written["video_id"].to_list() == expected["video_id"].to_list()


def test_a_bundle_that_counted_the_evaluated_watches_is_not_measured_on_them(
    run: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path
) -> None:
    directory, _ = run
    paths = directory / "bundle", directory / "data"
    with pytest.raises(errors.UserError, match="knows what was watched up to"):
        external_evaluations.evaluate(
            "bundle", *paths, CONFIG.evaluation, "test", tmp_path / "report"
        )


def test_without_it_the_network_is_served(tmp_path: pathlib.Path) -> None:
    own = {"composition.live": False, "composition.live_weights": (0.5,) * 19}
    config = configs.changed(CONFIG, own)
    lines: list[str] = []
    ytdnn.prepare(tmp_path, config, tables={schema.WATCHES: news(60)})
    made = api.run(tmp_path, config, verbose=lines.append)
    assert any("choice: left out" in line for line in lines)
    assert order_choice_artifact.read(tmp_path) is None
    assert lists.NETWORK not in made.report.lists
    facts = bundles.load(tmp_path / "bundle").manifest.facts
    assert facts[bundles.COUNTED_TO] is None  # own weights serve no more than chosen


def test_a_ranker_has_the_live_candidates_too(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    """Own weights, in place of chosen ones, reach evaluation and bundle alike."""
    directory = tmp_path / "run"
    shutil.copytree(made.workdir, directory)
    off = configs.changed(made.config, {"composition.live": False})
    served = bundles.load(ytdnn.export(directory, off)).manifest.config["composition"]
    assert not served["live"]  # given after the choice
    vector = np.linspace(0.2, 1.0, live_terms.NUM_TERMS)
    weights = tuple(vector.tolist())
    config = configs.changed(made.config, {"composition.live_weights": weights})
    report = ytdnn.evaluate(directory, config).report
    assert {lists.NETWORK, lists.CANDIDATES, lists.SYSTEM} <= report.lists.keys()
    bundle = bundles.load(ytdnn.export(directory, config))
    data = prepared.load(directory / "data")
    stage = trained_stage.load(directory / "candidates", data, config.composition)
    moment = data.windows.end_of_log + 1
    users = np.arange(10)
    ends = data.log.shard_index.offsets("watches")[users + 1]
    times = np.full(len(users), moment)
    number = config.composition.num_candidates
    asked = user_cases.at_requests(
        data, (users, ends, times), config.evaluation, stage.num_videos
    )
    live = live_term_lists.LiveCandidates(
        data, stage.candidates, stage.candidates.video_vectors(), moment, 0, number
    )
    make = composed_slates.pooled(
        live.maker(live_terms.weights(vector)),
        stage.other_sources,
        config.composition,
        data,
    )
    expected = make(asked, number)
    served = served_lists.ServedLists(bundle, data)
    model = bundles.RECOMMENDER + bundles.EXACT
    listed = served_lists._recommender(served, model)(asked, number)
    for own, other in zip(listed, expected, strict=True):
        assert set(own.tolist()) == set(other.tolist())
