"""Planted leaks are caught, each by the check that is meant to; honest sets pass."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import changed_log, planted
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import leaks, user_cases
from ytdnn.features import request_context
from ytdnn.log import events, log_tensors, prepare, prepared
from ytdnn.ranking import building

Split = events.Split
CONFIG = configs.EvaluationConfig()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("leaks"))


@pytest.fixture(scope="module")
def cases(data: prepared.PreparedData) -> user_cases.Cases:
    return user_cases.cases(data, Split.TEST, CONFIG)


def _with(data: prepared.PreparedData, **arrays: np.ndarray) -> prepared.PreparedData:
    """Returns the set with other arrays of watches."""
    return changed_log.with_tables(data, watches=data.watches.replace(**arrays))


@pytest.mark.parametrize("name", ["temporal", "leave_one_out"])
@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST])
def test_an_honest_set_passes(
    tmp_path: pathlib.Path, name: str, split: events.Split
) -> None:
    log = planted.write_log(tmp_path / "log")
    config = configs.DataConfig(source="log", dir=str(log), protocol=name)  # type: ignore[arg-type]
    honest = prepare.prepare(config, tmp_path / "data")
    found = user_cases.cases(honest, split, CONFIG)
    checked = leaks.in_order(honest, found, split)
    shown = int((np.asarray(honest.impressions.splits) == split).sum())
    assert checked.checked_examples == len(found.labels) + shown
    assert checked.inputs_at_or_after_label == 0


def test_a_history_that_reaches_its_label_is_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    ends = cases.ends.copy()
    ends[3] = cases.labels[cases.targets.offsets[3]] + 1
    leaking = dataclasses.replace(cases, ends=ends)
    user = data.users["user_id"][int(cases.users[3])]
    with pytest.raises(errors.UserError, match=f"leak: .*the first of user {user},"):
        leaks.in_order(data, leaking, Split.TEST)


def test_an_input_later_than_its_label_is_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    times = np.asarray(data.watches.times).copy()
    times[cases.ends[0] - 1] = times[cases.labels[0]] + 1
    with pytest.raises(errors.UserError, match=r"found 1 watches of the history"):
        leaks.in_order(_with(data, times=times), cases, Split.TEST)


def test_training_watches_of_the_test_window_are_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    splits = np.asarray(data.watches.splits).copy()
    last = np.flatnonzero(splits == Split.TEST)[-2:]
    splits[last] = Split.TRAIN
    with pytest.raises(errors.UserError, match=r"leak: .*found 2 train watches"):
        leaks.in_order(_with(data, splits=splits), cases, Split.TEST)


def test_an_impression_that_knows_its_own_watch_is_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    rows = np.flatnonzero(np.asarray(data.impressions.splits) == Split.TEST)
    numbers = np.asarray(data.impressions.num_watches).copy()
    users = np.asarray(data.impressions.users)
    sizes = np.diff(np.asarray(data.watches.offsets))
    row = rows[numbers[rows] < sizes[users[rows]]][0]
    numbers[row] = sizes[users[row]]
    shown = data.impressions.replace(num_watches=numbers)
    leaking = changed_log.with_tables(data, impressions=shown)
    with pytest.raises(errors.UserError, match=r"leak: .*watches before impressions"):
        leaks.in_order(leaking, cases, Split.TEST)


def test_inputs_of_the_labels_second_are_counted_not_refused(
    tmp_path: pathlib.Path,
) -> None:
    # u0: two inputs share the label's second, u1: none.
    watches = [("u0", v, t) for v, t in zip("abcd", (1, 5, 5, 5), strict=True)]
    watches += [("u1", v, t) for v, t in zip("dcba", (1, 2, 3, 4), strict=True)]
    tied = fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    found = user_cases.cases(tied, Split.TEST, CONFIG)
    checked = leaks.in_order(tied, found, Split.TEST)
    assert checked.same_second_inputs == 2
    assert checked.examples_with_same_second_inputs == 1


class _Reads:
    """Looks `ahead` watches past the end of the history it is given."""

    sees_request_time = False
    trains_on_validation = False
    num_listed = 1

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        return np.ones((1, 1), np.float32)

    def readings(self, *asked: object) -> dict[str, np.ndarray]:
        return {}

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
    ) -> np.ndarray:
        places = np.maximum(end_watches - 1 + self.ahead, 0)
        return np.asarray(data.watches.videos)[places, np.newaxis].astype(np.float32)


def test_a_model_that_reads_the_next_watch_is_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    assert leaks.in_models(data, cases, _Reads(0), None, seed=0) == len(cases)
    with pytest.raises(errors.UserError, match="leak: expected vectors of the candid"):
        leaks.in_models(data, cases, _Reads(1), None, seed=0)


def test_the_answers_time_is_a_leak_unless_the_model_says_it_reads_it(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    class ReadsTime(_Reads):
        def user_vectors(
            self,
            data: prepared.PreparedData,
            users: np.ndarray,
            end_watches: np.ndarray,
            times: np.ndarray,
        ) -> np.ndarray:
            times = np.asarray(data.watches.times)[end_watches + self.ahead]
            return (times[:, np.newaxis] % 86_400).astype(np.float32)

    silent = ReadsTime(0)
    with pytest.raises(errors.UserError, match="leak: expected vectors"):
        leaks.in_models(data, cases, silent, None, seed=0)
    silent.sees_request_time = True
    assert leaks.in_models(data, cases, silent, None, seed=0) == len(cases)
    # Of the request alone: the time of the watch after it is still a leak.
    later = ReadsTime(1)
    later.sees_request_time = True
    several = user_cases.take(cases, np.flatnonzero(np.diff(cases.targets.offsets) > 1))
    with pytest.raises(errors.UserError, match="leak: expected vectors"):
        leaks.in_models(data, several, later, None, seed=0)


def test_a_ranker_that_counts_clicks_after_the_request_is_caught(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    class Counts(fakes.PlantedRanker):
        def score_candidates(self, data, users, end_watches, times, video_indices):  # type: ignore[no-untyped-def]
            clicked = np.asarray(data.impressions.clicked, float)
            owner = np.asarray(data.impressions.users)
            known = np.asarray(data.impressions.times) < self.until(times).max()
            counts = np.bincount(owner, clicked * known, data.num_users)
            return np.tile(counts[users, np.newaxis], video_indices.shape[1])

        def until(self, times: np.ndarray) -> np.ndarray:
            return times

    honest = Counts(lambda videos: videos)
    assert leaks.in_models(data, cases, None, honest, seed=0) == len(cases)
    leaking = Counts(lambda videos: videos)
    leaking.until = lambda times: times + 10**9  # type: ignore[method-assign]
    with pytest.raises(errors.UserError, match="leak: expected scores of the ranker"):
        leaks.in_models(data, cases, None, leaking, seed=0)


def test_counting_all_users_events_before_each_request_is_no_leak(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    class Counts(fakes.PlantedRanker):
        def score_candidates(self, data, users, end_watches, times, video_indices):  # type: ignore[no-untyped-def]
            shown = data.impressions
            known = np.asarray(shown.times) < times[:, np.newaxis] + self.late
            counts = (known * shown.clicked).sum(axis=1, keepdims=True)
            return np.tile(counts.astype(float), video_indices.shape[1])

        late = 0

    start = int(cases.times.min()) // 86_400 * 86_400
    times = start + np.arange(len(cases)) * 86_400 // len(cases)
    spread, counts = dataclasses.replace(cases, times=times), Counts(lambda v: v)
    assert leaks.in_models(data, spread, None, counts, seed=0) == len(cases)
    counts.late = 10**9
    with pytest.raises(errors.UserError, match="leak: expected scores of the ranker"):
        leaks.in_models(data, spread, None, counts, seed=0)


def test_only_what_comes_after_the_request_is_changed(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    some = user_cases.take(cases, np.array([1, 4]))
    other = leaks.with_other_future(data, some.users, some.ends, some.times)
    changed = np.flatnonzero(other.watches.videos != data.watches.videos)
    lasts = np.asarray(data.watches.offsets)[some.users + 1]
    expected = [np.arange(e, s) for e, s in zip(some.ends, lasts, strict=True)]
    np.testing.assert_array_equal(changed, np.concatenate(expected))
    shown = np.flatnonzero(other.impressions.clicked != data.impressions.clicked)
    assert set(data.impressions.users[shown]) == set(some.users)
    assert data.impressions.times[shown].min() >= some.times.min()


def test_a_model_that_reads_searches_after_the_request_is_caught(
    tmp_path: pathlib.Path,
) -> None:
    """Those between the request and the first answer tell what is looked for."""
    world = configs.WorldConfig(num_users=80, num_videos=120, num_topics=3, num_days=20)
    data = prepare.prepare(configs.DataConfig(world=world), tmp_path / "data")
    cases = user_cases.cases(data, Split.TEST, configs.EvaluationConfig())

    class ReadsSearches(_Reads):
        def user_vectors(self, data, users, end_watches, times):
            made = data.log.searches.num_before(users, times)
            if self.ahead:
                made = np.maximum(made, data.watches.num_searches[end_watches])
            sums = np.append(0, np.cumsum(data.log.searches.tokens, dtype=np.int64))
            starts = np.asarray(data.log.searches.offsets)[users]
            edges = np.asarray(data.log.searches.token_offsets)
            found = sums[edges[starts + made]] - sums[edges[starts]]
            return found[:, np.newaxis].astype(np.float32)

    assert leaks.in_models(data, cases, ReadsSearches(0), None, seed=0) > 0
    with pytest.raises(errors.UserError, match="leak: expected vectors of the candid"):
        leaks.in_models(data, cases, ReadsSearches(1), None, seed=0)


def test_the_feature_that_leaks_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network may not yet have learnt to use what it should not see."""
    data = planted.prepared_data(tmp_path)
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    ranker = building.build(planted.tiny_config().ranking, data)
    assert leaks.in_models(data, cases, None, ranker, seed=0) == len(cases)
    leaking = request_context.SecondsSinceLastWatch

    def open_log(self: object, log: log_tensors.LogTensors) -> log_tensors.Reader:
        def read(at: log_tensors.Positions) -> tf.Tensor:
            return tf.cast(
                tf.gather(log.column("watches", "times"), at.ends), tf.float32
            )

        return read

    monkeypatch.setattr(leaking, "open_log", open_log)
    with pytest.raises(
        errors.UserError, match="expected seconds_since_last_watch of the ranker"
    ):
        leaks.in_models(data, cases, None, ranker, seed=0)
