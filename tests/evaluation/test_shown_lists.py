"""Orders of each user's impressions, by values derived by hand."""

import math

import numpy as np
import pytest

from tests import changed_log
from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.evaluation import report_parts, shown_lists, shown_scorers
from ytdnn.log import events, prepared

Split = events.Split
CONFIG = configs.EvaluationConfig(ks=(2,), num_resamples=50)
# u0 was shown four videos on two pages, u1 two, u2 one.
TEST = [
    ("u0", "a", 90, True, 30.0),
    ("u0", "b", 90, False, 0.0),
    ("u0", "c", 95, True, 10.0),
    ("u0", "d", 95, False, 0.0),
    ("u1", "a", 91, False, 0.0),
    ("u1", "b", 91, True, 60.0),
    ("u2", "c", 92, True, 500.0),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return logged.prepared_data(tmp_path_factory.mktemp("shown"), logged.TRAIN + TEST)


@pytest.fixture(scope="module")
def shown(data: prepared.PreparedData) -> shown_scorers.SplitImpressions:
    return shown_scorers.SplitImpressions(data.log, Split.TEST)


def _scores(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions, **by_id: float
) -> np.ndarray:
    return logged.ranker_of(data, by_id).predictions(data, shown.rows).order


def _measured(
    data: prepared.PreparedData,
    shown: shown_scorers.SplitImpressions,
    **orders: np.ndarray,
) -> report_parts.ShownLists:
    found = shown_lists.measure(data.log, shown, orders, CONFIG)
    assert found is not None
    return found


def test_three_users_by_hand(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions
) -> None:
    # u0: c, a | b, d by scores 3, 2, 1, 0; u1: a | b.
    scores = _scores(data, shown, c=3.0, a=2.0, b=1.0, d=0.0)
    found = _measured(data, shown, ranker=scores)
    assert (found.users, found.users_left_out, found.impressions) == (2, 1, 6)
    assert (found.gain, found.total) == ("watch_seconds", 100.0)
    mine = {k: v[0] for k, v in found.systems["ranker"].items()}
    # Halves: u0's two first hold 10 + 30 s, u1's first 0. Quarters: u0's first 10 s,
    # half of u1's first 0 s.
    assert mine["first_half_share"] == pytest.approx((40 + 0) / 100)
    assert mine["first_quarter_share"] == pytest.approx((10 + 0) / 100)
    ideal = 30 + 10 / math.log2(3)
    ndcg = ((10 + 30 / math.log2(3)) / ideal + 1 / math.log2(3)) / 2
    assert mine["list_ndcg"] == pytest.approx(ndcg)
    assert "grouped_auc" not in mine  # clicks say nothing of an order by seconds
    # In the best order u0's first place holds 30 s and half of u1's holds 30.
    best = {k: v[0] for k, v in found.systems["best"].items()}
    assert best["first_half_share"] == pytest.approx(1.0)
    assert best["first_quarter_share"] == pytest.approx((30 + 30) / 100)
    assert best["list_ndcg"] == 1.0
    random = {k: v[0] for k, v in found.systems["random"].items()}
    assert random["first_half_share"] == pytest.approx(0.5)
    assert random["first_quarter_share"] == pytest.approx(0.25)


def test_the_logged_order_is_that_of_time_or_of_positions(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions
) -> None:
    found = _measured(data, shown)
    assert found.logged_order == "time"
    # u0 saw a and b first, in one second; u1 both at once: each place holds the half.
    logged_share = found.systems["logged"]["first_half_share"][0]
    assert logged_share == pytest.approx((30 + 30) / 100)
    # On each page the second stood first.
    positions = np.full(len(data.impressions), -1, np.int32)
    positions[shown.rows] = [1, 0, 1, 0, 1, 0, 0]
    known = changed_log.with_tables(
        data, impressions=data.impressions.replace(positions=positions)
    )
    found = _measured(known, shown_scorers.SplitImpressions(known.log, Split.TEST))
    assert found.logged_order == "position"
    assert found.systems["logged"]["first_half_share"][0] == pytest.approx(0.6)


def test_differences_are_paired_by_user(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions
) -> None:
    mine = _scores(data, shown, a=1.0)
    other = _scores(data, shown, b=1.0)
    found = _measured(data, shown, ranker=mine, candidates=mine, popularity=other)
    assert list(found.systems) == [
        "popularity",
        "logged",
        "ranker",
        "candidates",
        "best",
        "random",
    ]
    # The same order differs by nothing in every resample.
    assert found.ahead["candidates"]["list_ndcg"] == (0.0, 0.0, 0.0)
    value, low, high = found.ahead["popularity"]["first_half_share"]
    # Mine: 30 + (0 + 10 + 0) / 3 of u0, 0 of u1; the other: 0 + 40 / 3, and 60.
    assert value == pytest.approx((30 + 10 / 3 - 40 / 3 - 60) / 100)
    assert low == pytest.approx(-1.0)  # u1 alone
    assert high == pytest.approx((30 + 10 / 3 - 40 / 3) / 40)  # u0 alone


def test_candidates_order_by_their_products_at_the_request(
    data: prepared.PreparedData, shown: shown_scorers.SplitImpressions
) -> None:
    # A model that can list all videos but the last, and scores by index and history.
    def score(user: int, end: int) -> np.ndarray:
        return np.arange(data.num_videos - 1, dtype=float) * (1.0 if end % 2 else -1.0)

    trained = fakes.ScoresByUser(data.num_videos - 1, score)
    scorer = shown_lists.candidates(data, trained, trained.video_vectors())
    found = scorer(shown).order
    starts = np.asarray(data.watches.offsets)[np.asarray(data.impressions.users)]
    ends = (starts + np.asarray(data.impressions.num_watches))[shown.rows]
    signs = np.where(ends % 2, 1.0, -1.0)
    last = float(np.finfo(np.float32).min)
    wanted = np.where(shown.videos < data.num_videos, signs * (shown.videos - 1), last)
    assert (wanted == last).any()
    assert found.tolist() == wanted.tolist()
