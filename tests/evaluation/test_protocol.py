import pathlib

import numpy as np
import pytest

from tests import planted
from tests.evaluation import fakes
from ytdnn import configs, errors
from ytdnn.data import prepare, prepared
from ytdnn.evaluation import protocol

Split = prepared.Split


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
    cases = protocol.cases(data, Split.TEST)
    assert data.users["user_id"].to_list() == ["u0", "u1", "u2"]
    assert cases.users.tolist() == [0, 2]
    assert cases.ends.tolist() == [3, 11]
    # The validation item ("c" of u0) is history; "only" is out of the vocabulary.
    history = [fakes.index_of(data, video) for video in "abc"]
    assert cases.watched.videos[:3].tolist() == history
    assert cases.targets.offsets.tolist() == [0, 1, 2]
    assert cases.targets.videos.tolist() == [fakes.index_of(data, "d"), 0]


def test_user_whose_answer_was_watched_before_is_left_out_and_counted(
    tmp_path: pathlib.Path,
) -> None:
    data = _leave_one_out(tmp_path)
    cases = protocol.cases(data, Split.TEST)
    assert cases.num_left_out == 1
    described = protocol.describe(data, cases, Split.TEST, configs.Evaluation())
    assert described["users"] == 2
    assert described["users_left_out"] == 1
    assert described["targets_out_of_vocabulary"] == 1
    assert described["name"] == "leave_one_out"


def test_validation_asks_one_watch_earlier(tmp_path: pathlib.Path) -> None:
    data = _leave_one_out(tmp_path)
    cases = protocol.cases(data, Split.VALIDATION)
    assert cases.ends.tolist() == [2, 6, 10]
    assert np.diff(cases.watched.offsets).tolist() == [2, 2, 2]


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
    cases = protocol.cases(data, Split.TEST)
    user = data.users["user_id"].to_list().index("u0")
    row = cases.users.tolist().index(user)
    first, stop = cases.targets.offsets[row : row + 2]
    answers = cases.targets.videos[first:stop].tolist()
    assert answers == [fakes.index_of(data, "b"), 0]
    start = data.manifest.facts["windows"]["test"]
    assert set(cases.times.tolist()) == {start}


@pytest.mark.parametrize("name", ["temporal", "leave_one_out"])
@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST])
def test_no_request_is_made_after_its_answer_nor_before_its_history(
    tmp_path: pathlib.Path, name: str, split: prepared.Split
) -> None:
    log = planted.write_log(tmp_path / "log")
    config = configs.Data(source="log", dir=str(log), protocol=name)  # type: ignore[arg-type]
    data = prepare.prepare(config, tmp_path / "data")
    cases = protocol.cases(data, split)
    assert len(cases) > 5
    times = np.asarray(data.watch_times)
    assert np.all(cases.times <= times[cases.ends])
    starts = np.asarray(data.watch_offsets)[cases.users]
    has_history = cases.ends > starts
    assert np.all(cases.times[has_history] >= times[cases.ends - 1][has_history])


def test_nothing_is_removed_where_the_setting_says_so(tmp_path: pathlib.Path) -> None:
    cases = protocol.cases(_leave_one_out(tmp_path), Split.TEST)
    kept = protocol.removed(cases, configs.Evaluation(remove_watched=False))
    assert len(kept.videos) == 0
    assert len(kept.offsets) == len(cases) + 1
    assert protocol.removed(cases, configs.Evaluation()) is cases.watched


def test_nobody_to_ask_is_a_line(tmp_path: pathlib.Path) -> None:
    watches = [("u0", "a", 1), ("u0", "a", 2), ("u0", "a", 3)]
    data = fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    with pytest.raises(errors.UserError, match="expected users with unseen videos"):
        protocol.cases(data, Split.TEST)
