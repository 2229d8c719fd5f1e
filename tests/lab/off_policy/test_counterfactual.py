"""What other pages would have brought: a log made by hand, and exploring ones."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import changed_log
from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.evaluation import models, report_types
from ytdnn.lab.off_policy import counterfactual, judged_systems, page_choices
from ytdnn.log import events, prepare, prepared
from ytdnn.retrieval import exploring

Shown = tuple[str, int, int, str, float | None, float]
# user, page, position, video, propensity, watch seconds (0: not clicked).
PAGES: list[Shown] = [
    ("u0", 1, 0, "a", 0.5, 30.0),
    ("u0", 1, 1, "b", 0.25, 0.0),
    ("u1", 2, 1, "b", 0.2, 0.0),  # positions may count from 1
    ("u1", 2, 2, "a", 0.5, 10.0),
]
NOT_WHOLE: list[Shown] = [
    ("u2", 3, 0, "a", 0.5, 9.0),  # something stood between
    ("u2", 3, 2, "b", 0.5, 9.0),
    ("u2", 4, 0, "a", None, 9.0),  # shown by another recommender
    ("u2", 4, 1, "b", 0.5, 9.0),
    ("u2", 5, 2, "c", 0.5, 9.0),  # begins in the middle
]
EVALUATION = configs.EvaluationConfig(ks=(2,), remove_watched=False, num_resamples=20)
CONFIG = configs.Config(
    composition=configs.CompositionConfig(num_candidates=4), evaluation=EVALUATION
)
SECONDS = {"a": 20.0, "b": 10.0, "c": 5.0, "d": 2.0}  # what the ranker says


def log_of(directory: pathlib.Path, shown: list[Shown]) -> prepared.PreparedData:
    """Prepares watches of three users, and pages within the test window."""
    directory.mkdir()
    watches = [(f"u{t % 3}", "abcd"[t % 4], t) for t in range(100)]
    names = ["user_id", "video_id", "time"]
    pl.DataFrame(watches, names, orient="row").write_parquet(
        directory / "watches.parquet"
    )
    names = ["user_id", "page_id", "position", "video_id", "propensity"]
    names = [*names, "watch_seconds"]
    train = [(u, 100 + t, 0, v, 0.5, 9.0 * c) for u, v, t, c, _ in logged.TRAIN]
    frame = pl.DataFrame([*train, *shown], names, orient="row").with_columns(
        clicked=pl.col("watch_seconds") > 0,
        time=pl.when(pl.col("page_id") < 100).then(90).otherwise(pl.col("page_id")),
    )
    frame = frame.with_columns(time=pl.col("time") % 100 + pl.col("page_id") // 100)
    frame.write_parquet(directory / "impressions.parquet")
    config = configs.DataConfig(
        source="log", dir=str(directory), test_fraction=0.3, ranking_fraction=0.5
    )
    return prepare.prepare(config, directory / "data")


def measured(
    data: prepared.PreparedData, config: configs.Config = CONFIG
) -> report_types.OffPolicy | None:
    trained = fakes.ScoresByUser(data.num_videos, lambda u, e: np.arange(4.0))
    vectors, ranker = (
        trained.video_vectors(),
        logged.ranker_of(
            data, {name: float(np.log(value)) for name, value in SECONDS.items()}
        ),
    )
    asked = models.RunModels(data, trained, vectors, ranker, (), config)
    return judged_systems.measure(asked, events.Split.TEST)


def test_by_hand(tmp_path: pathlib.Path) -> None:
    found = measured(log_of(tmp_path / "log", [*PAGES, *NOT_WHOLE]))
    assert found is not None
    counts = (found.pages, found.pages_known, found.pages_left_out, found.users)
    assert counts == (2, 2, 3, 2)
    assert found.places == 4
    assert found.logged_per_place["clicks"][0] == pytest.approx(0.5)
    assert found.logged_per_page["watch_seconds"][0] == pytest.approx(20.0)
    # The system shows a, then b, then c: page 1 as logged, of page 2 the second place.
    # Weights 1 / 0.5, 1 / 0.25, 0, 1 / 0.5.
    system = found.systems["system"]
    place = {k: {e: v[0] for e, v in d.items()} for k, d in system.per_place.items()}
    assert place["clicks"] == pytest.approx({"ips": 4 / 4, "snips": 4 / 8})
    # Seconds 30, 0, 0, 10; the model says of the choices 20, 10, 20, 20, and of what
    # was shown 20, 10, 10, 20: 70 / 4 + (2 · 10 - 4 · 10 - 2 · 10) / 4.
    assert place["watch_seconds"] == pytest.approx(
        {"ips": 80 / 4, "snips": 80 / 8, "dr": 70 / 4 - 40 / 4}
    )
    assert system.mean_weight[0] == pytest.approx(2.0)
    assert system.share_never_shown == 0.25
    assert system.effective_places == pytest.approx(8.0**2 / (4 + 16 + 4))
    # Of whole pages weights are 2, 2 · 4, 0, 0; its own pages are a, b.
    page = {e: v[0] for e, v in system.per_page["watch_seconds"].items()}
    in_all = 2 * (20 + 10) + 2 * 10 - 8 * 10
    expected = {"ips": 60 / 2, "snips": 2 * 60 / 10, "dr": in_all / 2}
    assert page == pytest.approx(expected)
    assert system.effective_pages == pytest.approx(1.0)


def test_a_recommender_that_samples_is_judged_as_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configs.CompositionConfig, "explore_top", 2)
    composition = dataclasses.replace(CONFIG.composition, temperature=1.0)
    config = dataclasses.replace(CONFIG, composition=composition)
    found = measured(log_of(tmp_path / "log", PAGES), config)
    assert found is not None
    # a and b are drawn as 20 to 10; what is left of them stands second.
    weights = np.array([2 / 3 / 0.5, 1 / 0.25, 1 / 3 / 0.2, 1 / 0.5])
    ips = found.systems["system"].per_place["watch_seconds"]["ips"][0]
    assert ips == pytest.approx(weights @ [30, 0, 0, 10] / 4)


@pytest.mark.parametrize("change", ["no propensities", "none known"])
def test_nothing_is_said_without_known_pages(
    tmp_path: pathlib.Path, change: str
) -> None:
    data = log_of(tmp_path / "log", NOT_WHOLE if change == "none known" else PAGES)
    if change == "no propensities":
        shown = dataclasses.replace(data.impressions, propensities=None)
        data = changed_log.with_tables(data, impressions=shown)
    assert measured(data, CONFIG) is None


def test_choices_are_those_of_the_explorer() -> None:
    rng = np.random.default_rng(0)
    order = rng.normal(size=(50, 12)).astype(np.float32)
    order[:, 9] = -np.inf
    videos = np.broadcast_to(np.arange(1, 13), order.shape)
    noise = tf.constant(rng.gumbel(size=order.shape), tf.float32)
    drawn, chances = exploring.sampled(tf.constant(order), noise, 0.7, 5)
    places = np.argsort(-drawn.numpy(), axis=1, kind="stable")[:, :8]
    shown = np.take_along_axis(videos, places, axis=1)
    given = page_choices.SystemOrder(videos, order, 0.7, 5)
    expected = np.take_along_axis(chances.numpy(), places, axis=1)
    found = page_choices.choices_on_pages(given, shown).target
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert 0.0 < found.min() < 0.1
    # So the policy that made a log is worth what the log brought.
    brought = {counterfactual.CLICKS: rng.random(shown.shape)}
    log = counterfactual.DecisionLog(np.arange(50), shown > 0, expected, brought, {})
    choices = page_choices.choices_on_pages(given, shown)
    for own in (None, {}):
        one = counterfactual.estimates(log, choices, own=own)
        for estimate in one[counterfactual.CLICKS].values():
            brought_on_average = brought[counterfactual.CLICKS].mean()
            assert estimate.value == pytest.approx(brought_on_average, rel=1e-4)


def test_its_own_pages_are_drawn_as_their_chances_say() -> None:
    rng = np.random.default_rng(1)
    order = np.append(np.log([1.0, 3.0, 0.5, 2.0]), -np.inf)[None]  # one on no page
    values = np.array([[10.0, 20.0, 30.0, 40.0, 1e9]])
    given = page_choices.SystemOrder(np.array([[5, 6, 7, 8, 9]]), order, 1.0, 3)
    many = dataclasses.replace(
        given, videos=given.videos.repeat(4_000, 0), order=order.repeat(4_000, 0)
    )
    pages = page_choices.drawn_pages(many, 6, rng)
    shares = np.bincount(pages[:, 0], minlength=5) / 4_000
    np.testing.assert_allclose(shares, np.array([1, 3, 0, 2, 0]) / 6, atol=0.03)
    # What is not drawn follows, then nothing.
    assert (pages[:, 3] == 2).all()
    assert (pages[:, 4:] == -1).all()
    # A later place as the chances given its page say, on average.
    modelled = dataclasses.replace(many, modelled={"x": values.repeat(4_000, 0)})
    shown = np.take_along_axis(many.videos, np.maximum(pages[:, :2], 0), axis=1)
    found = page_choices.choices_on_pages(modelled, shown)
    own = page_choices.modelled_pages(modelled, 2)["x"]
    assert own[:, 1].mean() == pytest.approx(found.modelled["x"][:, 1].mean(), rel=0.03)
    # The best first: its own page is the order.
    best = page_choices.SystemOrder(given.videos, order, modelled={"x": values})
    assert page_choices.modelled_pages(best, 2)["x"].tolist() == [[20.0, 40.0]]
