import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import planted, uploads
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.evaluation import report_protocol, user_cases
from ytdnn.log import events, prepare, prepared

Split = events.Split
CONFIG = configs.EvaluationConfig()


def _leave_one_out(tmp_path: pathlib.Path) -> prepared.PreparedData:
    # u0's last watch is new; u1's last repeats "a"; u2 watches "only" last, which no
    # training watch has.
    watches = [
        *[("u0", video, 10 + t) for t, video in enumerate("abcd")],
        *[("u1", video, 10 + t) for t, video in enumerate("adca")],
        *[("u2", video, 10 + t) for t, video in enumerate(["d", "b", "a", "only"])],
    ]
    return fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")


def test_leave_one_out_asks_for_the_last_watch_after_all_others(
    tmp_path: pathlib.Path,
) -> None:
    data = _leave_one_out(tmp_path)
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    assert data.users["user_id"].to_list() == ["u0", "u1", "u2"]
    assert cases.users.tolist() == [0, 2]
    assert cases.ends.tolist() == [3, 11]
    # The validation item ("c" of u0) is history; "only" has no embedding.
    history = [fakes.index_of(data, video) for video in "abc"]
    assert cases.watched.values[:3].tolist() == history
    assert cases.targets.offsets.tolist() == [0, 1, 2]
    answers = [fakes.index_of(data, "d"), fakes.index_of(data, "only")]
    assert cases.targets.values.tolist() == answers
    assert answers[0] <= data.vocabulary_size < answers[1]


def test_user_whose_answer_was_watched_before_is_left_out_and_counted(
    tmp_path: pathlib.Path,
) -> None:
    data = _leave_one_out(tmp_path)
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    assert cases.num_left_out == 1
    described = report_protocol.describe(data, cases, Split.TEST, CONFIG)
    assert described.users == 2
    assert described.users_left_out == 1
    assert described.answers_out_of_vocabulary == 1
    assert described.name == "leave_one_out"


def test_temporal_answers_are_the_distinct_unseen_videos_of_the_window(
    tmp_path: pathlib.Path,
) -> None:
    # Times 0..19 with shares 0.5 test: the window begins at the quantile. u0 watches
    # "b" twice, "a" again, and "new", which nobody trained on.
    early = [("u0", "a", 0), ("u1", "b", 1), ("u1", "c", 2), ("u0", "a", 3)]
    late = [("u0", "b", 16), ("u0", "a", 17), ("u0", "b", 18), ("u0", "new", 19)]
    fill = [("u2", "abc"[t % 3], t) for t in range(4, 16)]
    data = fakes.prepared_data(
        tmp_path,
        early + fill + late,
        test_fraction=0.2,
        ranking_fraction=0.1,
        validation_fraction=0.1,
    )
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    user = data.users["user_id"].to_list().index("u0")
    row = cases.users.tolist().index(user)
    first, stop = cases.targets.offsets[row : row + 2]
    answers = cases.targets.values[first:stop].tolist()
    new = fakes.index_of(data, "new")
    assert new > data.vocabulary_size
    assert answers == [fakes.index_of(data, "b"), new]
    start = data.manifest.facts["windows"]["test"]
    assert set(cases.times.tolist()) == {start}


@pytest.mark.parametrize("name", ["temporal", "leave_one_out"])
@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST])
def test_no_request_is_made_after_its_answer_nor_before_its_history(
    tmp_path: pathlib.Path, name: str, split: events.Split
) -> None:
    log = planted.write_log(tmp_path / "log")
    config = configs.DataConfig(source="log", dir=str(log), protocol=name)  # type: ignore[arg-type]
    data = prepare.prepare(config, tmp_path / "data")
    cases = user_cases.cases(data, split, CONFIG)
    assert len(cases) > 5
    times = np.asarray(data.watches.times)
    assert np.all(cases.times <= times[cases.ends])
    starts = np.asarray(data.watches.offsets)[cases.users]
    has_history = cases.ends > starts
    assert np.all(cases.times[has_history] >= times[cases.ends - 1][has_history])


def test_kept_videos_are_not_removed_and_may_be_answers(tmp_path: pathlib.Path) -> None:
    data = _leave_one_out(tmp_path)
    config = configs.EvaluationConfig(remove_watched=False)
    cases = user_cases.cases(data, Split.TEST, config)
    assert len(cases.removed.values) == 0
    assert len(cases.removed.offsets) == len(cases) + 1
    # u1's last watch repeats "a": an answer now, and nobody is left out.
    assert cases.users.tolist() == [0, 1, 2]
    assert cases.targets.values[1] == fakes.index_of(data, "a")
    assert cases.num_left_out == 0
    removing = user_cases.cases(data, Split.TEST, CONFIG)
    assert removing.removed is removing.watched


def _window(tmp_path: pathlib.Path) -> prepared.PreparedData:
    # Daily watches of new videos; the test window begins at one of u1's.
    day = 86_400
    watches = [("u1", f"v{t}", t * day) for t in range(10)]
    watches += [("u0", "v0", 0), ("u0", "v1", 8 * day + 10), ("u0", "v2", 9 * day)]
    return fakes.prepared_data(
        tmp_path, watches, test_fraction=0.3, ranking_fraction=0.1
    )


def test_answers_end_with_the_horizon(tmp_path: pathlib.Path) -> None:
    data = _window(tmp_path)
    start = data.manifest.facts["windows"]["test"]
    whole = user_cases.cases(data, Split.TEST, CONFIG)
    for days in (0.5, 1.5):
        config = configs.EvaluationConfig(horizon_days=days)
        cases = user_cases.cases(data, Split.TEST, config)
        times = np.asarray(data.watches.times)
        assert times[cases.labels].max() < start + days * 86_400
        expected = times[whole.labels] < start + days * 86_400
        assert 0 < len(cases.labels) == expected.sum() < len(whole.labels)


def test_a_given_split_may_interleave_and_histories_hold_all_that_is_known(
    tmp_path: pathlib.Path,
) -> None:
    rows = [("u0", v, t) for t, v in enumerate("abcdefg")]
    rows += [("u1", v, t) for t, v in enumerate("gfedcba")]
    words = ["train", "train", "test", "train", "validation", "test", "train"]
    words += ["test", "train", "train", "train", "train", "train", "train"]
    data = fakes.prepared_data(tmp_path, rows, splits=words, protocol="split")
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    # u0: the history is "abdg", then "e" of validation, the answers "c" and "f".
    assert cases.ends.tolist() == [5, 13]
    ids = [fakes.index_of(data, v) for v in "abdgecfg"]
    assert cases.watched.values.tolist()[:5] == ids[:5]
    assert cases.targets.values.tolist() == ids[5:]
    assert cases.times.tolist() == [4, 6]  # of the last watch that is known
    described = report_protocol.describe(data, cases, Split.TEST, CONFIG)
    assert described.split_column is True


def test_seconds_of_an_answer_are_all_that_it_is_watched_in_the_window(
    tmp_path: pathlib.Path,
) -> None:
    """u0 watches b twice in the window and a, which is no answer, once more."""
    rows = [
        ("u0", "a", 1, 7.0, "train"),
        ("u0", "b", 10, 20.0, "test"),
        ("u0", "a", 11, 100.0, "test"),
        ("u0", "c", 12, 5.0, "test"),
        ("u0", "b", 13, 3.0, "test"),
        ("u1", "a", 1, 1.0, "train"),
        ("u1", "b", 2, 2.0, "train"),
        ("u1", "c", 3, 4.0, "validation"),
    ]
    log = tmp_path / "log"
    log.mkdir()
    names = ["user_id", "video_id", "time", "watch_seconds", "split"]
    pl.DataFrame(rows, names, orient="row").write_parquet(log / "watches.parquet")
    data = prepare.prepare(
        configs.DataConfig(source="log", dir=str(log), protocol="split"),
        tmp_path / "data",
    )
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    assert cases.targets.values.tolist() == [fakes.index_of(data, v) for v in "bc"]
    assert cases.seconds is not None
    assert cases.seconds.tolist() == [23.0, 5.0]
    nobody = user_cases.take(cases, np.array([0]))
    assert nobody.seconds is not None
    assert nobody.seconds.tolist() == [23.0, 5.0]


def test_a_model_of_new_videos_lists_them_from_their_upload_on(
    tmp_path: pathlib.Path,
) -> None:
    data = uploads.prepared_data(tmp_path)
    cases = user_cases.cases(data, Split.TEST, CONFIG, data.num_videos)
    since = cases.available_from
    assert (since[: data.vocabulary_size] < 0).all()
    uploaded = data.videos["upload_time"].to_list()
    new = data.videos["video_id"].to_list().index("v51")
    assert since[new] == uploaded[new] > 0
    assert since[-1] < 0  # not known
    assert user_cases.num_candidates(cases) == data.num_videos
    early = dataclasses.replace(cases, times=np.full(len(cases), uploaded[new] - 1))
    assert user_cases.num_candidates(early) == data.num_videos - uploads.NUM_NEW
    assert user_cases.num_unlistable(cases) == 0
    assert user_cases.num_unlistable(early) > 0
    assert user_cases.cases(data, Split.TEST, CONFIG).available_from is None
