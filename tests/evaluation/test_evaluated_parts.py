"""Evaluations of a part of the users or of the videos."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import full_log
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import (
    compare,
    evaluated_parts,
    report_files,
    shown_scorers,
    user_cases,
)
from ytdnn.log import events, prepared
from ytdnn.retrieval.index import brute_force

TEST = events.Split.TEST
CONFIG = configs.Config(
    evaluation=configs.EvaluationConfig(ks=(5,), num_resamples=20, baselines=())
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return full_log.prepared_data(tmp_path_factory.mktemp("parts"), full_log.tables())


def evaluation(**settings: object) -> configs.EvaluationConfig:
    return dataclasses.replace(CONFIG.evaluation, **settings)


def test_a_part_of_the_users_is_asked(data: prepared.PreparedData) -> None:
    whole = user_cases.cases(data, TEST, evaluation())
    german = user_cases.cases(data, TEST, evaluation(users="country = 'DE'"))
    countries = np.array(data.users["country"].to_list())
    keep = countries[whole.users] == "DE"
    assert 0 < keep.sum() < len(whole)
    np.testing.assert_array_equal(german.users, whole.users[keep])
    np.testing.assert_array_equal(
        german.targets.values, whole.targets.take(np.flatnonzero(keep)).values
    )


def test_a_part_of_the_videos_is_right_and_users_without_one_are_left_out(
    data: prepared.PreparedData,
) -> None:
    whole = user_cases.cases(data, TEST, evaluation())
    found = user_cases.cases(data, TEST, evaluation(videos="topic = 'cats'"))
    topics = np.array([None, *data.videos["topic"].to_list()])
    is_cat = topics[whole.targets.values] == "cats"
    np.testing.assert_array_equal(found.targets.values, whole.targets.values[is_cat])
    assert set(found.users) == set(whole.users[whole.targets.rows[is_cat]])
    assert found.num_listed == whole.num_listed


def test_impressions_are_of_both_parts(data: prepared.PreparedData) -> None:
    config = evaluation(users="country = 'DE'", videos="topic = 'cats'")
    found = shown_scorers.split_impressions(data, TEST, config)
    topics = np.array([None, *data.videos["topic"].to_list()])
    countries = np.array(data.users["country"].to_list())
    assert len(found.rows)
    assert set(topics[found.videos]) == {"cats"}
    assert set(countries[found.user_indices[found.users]]) == {"DE"}
    whole = shown_scorers.SplitImpressions(data.log, TEST)
    both = (topics[whole.videos] == "cats") & (
        countries[whole.user_indices[whole.users]] == "DE"
    )
    np.testing.assert_array_equal(found.rows, whole.rows[both])
    nobody = evaluation(users="user_id = 'u1'", videos="video_id = 'v29'")
    with pytest.raises(errors.UserError, match="--users or --videos"):
        shown_scorers.split_impressions(data, TEST, nobody)


@pytest.mark.parametrize("name", ["some.csv", "some.parquet", "some.txt"])
def test_a_file_names_a_part_by_its_ids(
    data: prepared.PreparedData, tmp_path: pathlib.Path, name: str
) -> None:
    path = tmp_path / name
    frame = pl.DataFrame({"user_id": ["u3", "u5", "nobody"]})
    if name.endswith("csv"):
        frame.write_csv(path)
    elif name.endswith("parquet"):
        frame.write_parquet(path)
    else:
        path.write_text("\ufeffu3\nu5\n", "utf-8")  # with Windows' mark
    found = evaluated_parts.user_mask(data, str(path))
    assert set(data.users["user_id"].filter(pl.Series(found))) == {"u3", "u5"}


WRONG = {
    "no column": ("land = 'DE'", r"a file of ids, or a condition .*user_id, age"),
    "no truth value": ("age", r"not true or false"),
    "nonsense": ("age >", r"--users to be a file of ids"),
    "no file": ("none.txt", r"received 'none.txt': no file \(nothing there\), and no"),
    "a folder": ("/", r"received '/': no file \(a directory\), and no condition"),
    "nobody": ("age > 200", r"selects none of 30"),
    "one number": ("1 = 1 and max(age) > 3", r"--users|not true or false"),
}


@pytest.mark.parametrize(("named", "message"), WRONG.values(), ids=WRONG)
def test_what_names_nobody_is_refused_in_one_line(
    data: prepared.PreparedData, named: str, message: str
) -> None:
    with pytest.raises(errors.UserError, match=message) as error:
        evaluated_parts.user_mask(data, named)
    assert "\n" not in str(error.value)


def evaluated(
    data: prepared.PreparedData, path: pathlib.Path, **settings: object
) -> report_files.Evaluation:
    config = dataclasses.replace(CONFIG, evaluation=evaluation(**settings))
    trained = fakes.next_watch(data)
    exact = brute_force.BruteForce.build(trained.video_vectors(), config.index)
    found = fakes.evaluate_models(data, trained, None, {"exact": exact}, config, TEST)
    return report_files.Evaluation(path, found.report, found.users)


def test_a_comparison_of_a_part_is_that_of_evaluations_of_it(
    data: prepared.PreparedData,
) -> None:
    home = data.directory.parent / "evaluation"
    whole = evaluated(data, home)
    part = evaluated(data, home, users="country = 'DE'")
    assert part.report.protocol.of_users == "country = 'DE'"
    with pytest.raises(errors.UserError, match="of_users"):
        compare.compare(whole, part, [], CONFIG.evaluation)
    cut = compare.cut_to_users(whole, whole, "country = 'DE'")
    found = compare.compare(*cut, [], CONFIG.evaluation, part="country = 'DE'")
    assert found.num_users == part.report.protocol.users
    assert part.report.requests is not None
    assert found.num_requests == part.report.requests.requests
    entries = part.report.lists | part.report.by_requests
    for one in found.differences:
        assert one.first == pytest.approx(entries[one.model].values[one.metric])
        assert one.difference == 0.0
    told = {one.metric for one in found.differences}
    assert {"recall@5", "debiased_hit_rate@5"} <= told
    assert not any("coverage" in metric for metric in told)
