"""Live terms: what is counted before each request, against a plain recount."""

import itertools
import math
import pathlib
from collections import Counter

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from ytdnn import configs
from ytdnn.base import errors, ragged, schema
from ytdnn.log import prepare, prepared
from ytdnn.log.sources import memory_tables
from ytdnn.retrieval import live_counts, live_term_source, live_terms

NUM_VIDEOS = 9


def random_log(
    directory: pathlib.Path, seed: int
) -> tuple[prepared.PreparedData, list[tuple[int, int, int]]]:
    """Returns a set with watches of the same second and double ones, and its events."""
    rng = np.random.default_rng(seed)
    size = 120
    gaps = rng.choice([0, 600, 5_000, 300_000], size, p=[0.2, 0.4, 0.3, 0.1])
    watches = pl.DataFrame(
        {
            "user_id": rng.integers(0, 5, size),
            "video_id": rng.integers(0, NUM_VIDEOS, size),
            "time": 1_600_000_000 + np.cumsum(gaps),
        }
    )
    watches = pl.concat([watches, watches.gather_every(7)]).sort("time")
    log = memory_tables.from_frames({schema.WATCHES: watches})
    config = configs.DataConfig(source="tables", events_per_shard=40)
    data = prepare.prepare(config, directory, log)
    columns = data.watches.users, data.watches.videos, data.watches.times
    rows = zip(*(np.asarray(c).tolist() for c in columns), strict=True)
    return data, list(dict.fromkeys(rows))  # by user and time, each once


def requests(
    rows: list[tuple[int, tuple[int, ...], bool]], listed: np.ndarray
) -> live_terms.LiveRequests:
    """Returns requests of (moment, last watches, in session) with the same network."""
    moments, last, in_session = zip(*rows, strict=True)
    return live_terms.LiveRequests(
        moments=np.array(moments),
        history=np.array(last),
        in_session=np.array(in_session),
        removed=ragged.Ragged(np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int64)),
        listed=np.tile(listed, (len(rows), 1)),
        scores=np.tile(np.linspace(2.0, 1.0, len(listed)), (len(rows), 1)),
    )


def recounted(
    events: list[tuple[int, int, int]], moment: int, video: int, last: tuple[int, ...]
) -> list[float]:
    """Returns the terms of a video but those of sessions, counted in plain Python."""
    terms = []
    for window in live_terms.WINDOWS:
        inside = [v for _, v, t in events if moment - window <= t < moment]
        share = (inside.count(video) + 0.5) / (len(inside) + 5.0)
        terms.append(math.log(share))
    for before in last:
        for window in live_terms.FOLLOWED_WINDOWS:
            nexts = Counter(
                second[1]
                for first, second in itertools.pairwise(events)
                if first[0] == second[0]
                and before
                and first[1] == before
                and moment - window <= second[2] < moment
            )
            share = nexts[video] / (nexts.total() + 3.0)
            terms.append(math.log(share / 0.002 + 1.0))
    for decay in live_terms.OWN_DECAYS:
        times = sum(decay**place for place, own in enumerate(last) if own == video)
        terms.append(math.log(times / 0.05 + 1.0))
    return terms


@hypothesis.settings(max_examples=10)
@hypothesis.given(seed=st.integers(0, 10**6))
def test_terms_are_those_of_a_plain_recount(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """No count sees the second of the request, or a later one."""
    data, events = random_log(tmp_path_factory.mktemp("live") / "data", seed)
    moments = sorted({time for _, _, time in events})[5::9]
    asked = [(m, (1 + n % 5, 3, 0), n % 2 == 0) for n, m in enumerate(moments)]
    order = np.random.default_rng(seed).permutation(len(asked))
    rows = requests([asked[n] for n in order], np.array([7, 2, 0]))
    live = live_terms.LiveTerms(live_counts.LiveCounts(data, int(min(moments))))
    for row, videos, terms in live.rows(rows):
        moment, last, in_session = asked[order[row]]
        assert (np.diff(videos) > 0).all()
        assert {7, 2} <= set(videos.tolist())
        popular = len(live_terms.WINDOWS)
        for video, own in zip(videos.tolist(), terms, strict=True):
            expected = recounted(events, moment, video, last)
            known = np.delete(own, [popular, -2, -1])
            np.testing.assert_allclose(known, expected, err_msg=f"{video} {moment}")
            assert own[popular] == (own[0] if in_session else 0.0)
            assert own[-2] == (own[popular + 3] if in_session else 0.0)
            assert own[-1] == pytest.approx({7: 0.5}.get(video, 0.0))


def test_the_served_state_is_that_of_a_request_at_its_moment(
    tmp_path: pathlib.Path,
) -> None:
    """What followed a video counts for four weeks, also one not watched for days."""
    data, events = random_log(tmp_path / "data", 3)
    moment = events[-1][2] + 864_000
    known = live_term_source.state(data, moment)
    last = (2, 5, 1)
    assert known.terms[known.rows[list(last)]].any(axis=(1, 2)).all()
    rows = requests([(moment, last, False)], np.array([4]))
    live = live_terms.LiveTerms(live_counts.LiveCounts(data, moment))
    [(_, videos, terms)] = list(live.rows(rows))
    windows = len(live_terms.WINDOWS)
    np.testing.assert_allclose(known.log_shares[videos], terms[:, :windows], rtol=1e-6)
    for place, video in enumerate(last):
        row = known.rows[video]
        served = dict(zip(known.following[row].tolist(), known.terms[row], strict=True))
        start = windows + 1 + place * 3
        for column, own in zip(videos.tolist(), terms, strict=True):
            np.testing.assert_allclose(
                served.get(column, np.zeros(3)), own[start : start + 3], rtol=1e-6
            )


def test_weights_are_one_vector_and_come_back() -> None:
    vector = np.arange(live_terms.NUM_TERMS) / 7.0
    weights = live_terms.weights(vector)
    np.testing.assert_array_equal(weights.vector, vector)
    assert weights.network == vector[-1]
    assert weights.popular_in_session == vector[5]


def test_weights_of_another_length_are_refused() -> None:
    with pytest.raises(errors.UserError, match="expected 19 numbers in composition"):
        live_terms.weights(np.zeros(3))
