"""Logs of sessions with ids of their own: the last watch, by those before it."""

import numpy as np
import pytest

from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.evaluation import tuned_baselines, user_cases
from ytdnn.log import events, prepared
from ytdnn.run.cli import flags

Split = events.Split
LAST = configs.EvaluationConfig(targets="last", baselines=("markov",))
HOUR = 3_600
NUM_SESSIONS, LENGTH, NUM_VIDEOS = 120, 4, 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """Sessions an hour apart; each goes on from its first video, one by one."""
    firsts = np.random.default_rng(0).integers(0, NUM_VIDEOS, NUM_SESSIONS)
    watches = [
        (
            f"s{session:03d}",
            f"v{(first + step) % NUM_VIDEOS:02d}",
            session * HOUR + step,
        )
        for session, first in enumerate(firsts)
        for step in range(LENGTH)
    ]
    directory = tmp_path_factory.mktemp("sessions")
    return fakes.prepared_data(directory, watches, protocol="temporal")


def test_a_case_is_the_last_watch_by_those_before_it(
    data: prepared.PreparedData,
) -> None:
    first = user_cases.cases(data, Split.TEST, configs.EvaluationConfig())
    last = user_cases.cases(data, Split.TEST, LAST)
    # A session that begins in the window has no history where it begins.
    assert not first.watched.sizes[1:].any()
    assert last.users.tolist() == first.users.tolist()
    inside = last.users[1:]  # the first may have begun before the window
    assert (last.watched.sizes[1:] == LENGTH - 1).all()
    ends = np.asarray(data.watches.offsets)[inside + 1] - 1
    assert last.ends[1:].tolist() == ends.tolist()
    assert last.labels[1:].tolist() == ends.tolist()
    before = np.asarray(data.watches.times)[ends - 1]
    assert last.times[1:].tolist() == before.tolist()


def test_what_follows_is_found_where_the_history_is_the_session(
    data: prepared.PreparedData,
) -> None:
    def hit_rate(config: configs.EvaluationConfig) -> float:
        cases = user_cases.cases(data, Split.TEST, config)
        found = tuned_baselines.quick_makers(data, LAST, cases)["markov"](cases, 1)
        answers = [
            cases.targets.values[start:stop]
            for start, stop in zip(
                cases.targets.offsets, cases.targets.offsets[1:], strict=False
            )
        ]
        hits = [row[0] in right for row, right in zip(found, answers, strict=True)]
        return float(np.mean(hits))

    assert hit_rate(LAST) > 0.9
    assert hit_rate(configs.EvaluationConfig()) < 0.5


def test_the_flag_fills_both_and_can_be_taken_back() -> None:
    assert flags._session_settings("True") == {
        "evaluation.targets": "last",
        "candidates.validate_last": "true",
    }
    assert flags._session_settings("False")["evaluation.targets"] == "all"
