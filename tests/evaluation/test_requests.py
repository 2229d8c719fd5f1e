"""The protocol `requests`: each watch at its own time, and counts up to it."""

import collections
import dataclasses
import pathlib

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.evaluation import (
    compare,
    external_systems,
    gates,
    lists,
    measure,
    prediction_files,
    report_files,
    report_summary,
    request_cases,
    request_measure,
    tables,
    user_cases,
    users_in_parts,
)
from ytdnn.log import events, prepare, prepared
from ytdnn.log.sources import memory_tables
from ytdnn.retrieval import live_counts

PreparedData = prepared.PreparedData

CONFIG = configs.EvaluationConfig(ks=(1, 3), num_resamples=20, baselines=())
RIVALS = {"a": 0.3, "b": 0.7}
IN_MEMORY = configs.DataConfig(source="tables", page_gap_seconds=60.0)


def prepare_watches(
    directory: pathlib.Path, watches: pl.DataFrame, **config: object
) -> PreparedData:
    settings = configs.DataConfig(source="tables", **config)
    log = memory_tables.from_frames({schema.WATCHES: watches})
    return prepare.prepare(settings, directory, log)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """Random events; a third of the seconds have two, and some watches are twice."""
    watches = full_log.tables()[schema.WATCHES].select("user_id", "video_id", "time")
    watches = watches.with_columns(pl.col("time") // 7200 * 7200)
    watches = pl.concat([watches, watches.gather_every(9)]).sort("time")
    return prepare_watches(
        tmp_path_factory.mktemp("requests") / "data", watches, events_per_shard=200
    )


def log_of(data: PreparedData) -> list[tuple[int, int, int]]:
    """Returns user, video and time of each watch, by user."""
    watches = data.watches
    columns = (watches.users, watches.videos, watches.times)
    return list(zip(*(np.asarray(c).tolist() for c in columns), strict=True))


def recounted(
    log: list[tuple[int, int, int]], name: str, user: int, answer: int, moment: int
) -> int:
    """Returns the place of an answer, counted in plain Python."""
    window = live_counts.WINDOWS[name.removesuffix(live_counts.THEN_NEXT)]
    first = moment - (window or 10**12)
    longer = moment - (4 * window if window else 4 * 604_800)
    scores: dict[int, float] = collections.Counter()
    after: dict[int, float] = collections.Counter()
    mine = [video for owner, video, time in log if owner == user and time < moment]
    before: tuple[int, int, int] = (-1, 0, 0)
    for event in dict.fromkeys(log):
        owner, video, time = event
        if first <= time < moment:
            scores[video] += 1.0
        follows = before[0] == owner and mine and before[1] == mine[-1]
        if follows and longer <= time < moment:
            after[video] += 1.0
        before = event
    if name.endswith(live_counts.THEN_NEXT):
        number, total = sum(after.values()), max(sum(scores.values()), 1.0)
        for video, count in after.items():
            scores[video] += count * 0.5 * total / (number + 3.0)
    if not scores[answer]:
        return -1
    listed = [video for video, score in scores.items() if score and video not in mine]
    return sorted(listed, key=lambda v: (-round(scores[v], 9), v)).index(answer)


@pytest.mark.parametrize("delay", [0, 100_000])
def test_counts_are_those_of_a_plain_recount(data: PreparedData, delay: int) -> None:
    """No count sees its own event, a later one, or one within the delay."""
    config = configs.EvaluationConfig(delay_seconds=delay)
    asked = request_cases.cases(data, events.Split.TEST, config)
    assert asked is not None
    log, cases = log_of(data), asked.cases
    counts = live_counts.LiveCounts(data, int(asked.moments.min()))
    for window in live_counts.WINDOWS:
        for name, ranks in counts.ranks(window, asked.counted(data)).items():
            for row in np.flatnonzero(~asked.is_repeat).tolist():
                user, answer = int(cases.users[row]), int(asked.answers[row])
                moment = int(cases.times[row]) - delay
                expected = recounted(log, name, user, answer, moment)
                assert ranks[row] == expected, (name, row)


@hypothesis.settings(max_examples=15)
@hypothesis.given(seed=st.integers(0, 10**6))
def test_what_comes_later_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Histories and counts of a request are those of a log that ends before it."""
    rng = np.random.default_rng(seed)
    size = 60
    watches = pl.DataFrame(
        {
            "user_id": rng.integers(0, 4, size),
            "video_id": rng.integers(0, 6, size),
            "time": np.sort(rng.integers(0, 40, size)) * 400 + 1_600_000_000,
        }
    )
    directory = tmp_path_factory.mktemp("later")
    data = prepare_watches(directory / "data", watches, test_fraction=0.3)
    asked = request_cases.cases(data, events.Split.TEST, configs.EvaluationConfig())
    assert asked is not None
    cases, log = asked.cases, log_of(data)
    for row, time in enumerate(cases.times.tolist()):
        history = cases.watched.take(np.array([row])).values.tolist()
        user = int(cases.users[row])
        assert history == [v for u, v, at in log if u == user and at < time]
    counts = live_counts.LiveCounts(data, int(asked.moments.min()))
    ranks = counts.ranks("last_hour", asked.counted(data))
    moment = int(np.median(asked.moments))
    ended = data.with_log(data.log.changed(lambda shard: _until(shard, moment)))
    known = live_counts.LiveCounts(ended, int(asked.moments.min()))
    early = asked.moments <= moment
    for name, other in known.ranks("last_hour", asked.counted(data)).items():
        np.testing.assert_array_equal(other[early], ranks[name][early])


def _until(shard: object, moment: int) -> object:
    """Returns a shard whose watches from a moment on are of the last video."""
    watches = shard.watches
    videos = np.where(np.asarray(watches.times) >= moment, 1, watches.videos)
    changed = watches.replace(videos=videos.astype(np.int32))
    return dataclasses.replace(shard, watches=changed)


def planted(kind: str) -> pl.DataFrame:
    """Returns a log on which one counted list is right.

    now: all watch the video of the hour. next: each video has one that follows it.
    """
    rng = np.random.default_rng(0)
    rows = []
    for hour in range(400):
        for user in range(12):
            time = 1_600_000_000 + hour * 3600 + user * 60
            if kind == "now":
                video = hour
            elif hour % 2 == 0:
                video = int(rng.integers(0, 40)) * 2
            else:
                video = rows[-12][1] + 1
            rows.append((user, video, time))
    frame = pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")
    users = pl.col("user_id") + pl.int_range(pl.len()) // 24 * 12
    return frame.with_columns(users if kind == "next" else pl.col("user_id"))


@pytest.mark.parametrize(
    ("kind", "best"), [("now", "last_15_minutes"), ("next", "last_week_then_next")]
)
def test_a_planted_log_has_the_right_baseline(
    tmp_path: pathlib.Path, kind: str, best: str
) -> None:
    data = prepare_watches(tmp_path / "data", planted(kind))
    popular = lists.popularity(data.catalogue)
    makers = {lists.POPULARITY: popular, lists.CANDIDATES: popular}
    rules = (events.Split.TEST, CONFIG, users_in_parts.WindowOpener(10**6))
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    plain = measure.measure(data, cases, makers, {}, events.Split.TEST, CONFIG)
    assert request_measure.added(plain, data, makers, *rules, ("system",)) is plain
    whole = request_measure.added(plain, data, makers, *rules, (lists.CANDIDATES,))
    report = whole.report.requests
    assert report is not None
    assert report.best_count == report.rival
    if kind == "now":
        assert report.best_count == best
        assert report.systems[best].values["hit_rate@1"] > 0.85
    else:
        assert report.best_count.endswith(live_counts.THEN_NEXT)
        assert report.systems[best].values["hit_rate@1"] > 0.4
    assert report.systems[lists.POPULARITY].values["hit_rate@1"] < 0.2


def evaluated(
    data: PreparedData, directory: pathlib.Path, skill: float, **rules: object
) -> report_files.Evaluation:
    """Returns the evaluation of a system that lists some of the answers first."""
    config = dataclasses.replace(CONFIG, num_resamples=200, **rules)

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        known = np.random.default_rng(0).random(len(cases)) < skill
        found = np.zeros((len(cases), k), np.int32)
        found[:, 0] = np.where(
            known, cases.targets.values[cases.targets.offsets[:-1]], 0
        )
        return found

    makers = {
        lists.POPULARITY: lists.popularity(data.catalogue),
        lists.CANDIDATES: make,
    }
    cases = user_cases.cases(data, events.Split.TEST, config)
    plain = measure.measure(data, cases, makers, {}, events.Split.TEST, config)
    given = data, makers, events.Split.TEST, config, users_in_parts.WindowOpener(10**6)
    with report_files.publish(
        directory, request_measure.added(plain, *given, (lists.CANDIDATES,))
    ):
        pass
    return report_files.read(directory)


def test_two_reports_are_compared_by_requests_first(
    data: PreparedData, tmp_path: pathlib.Path
) -> None:
    pair = [evaluated(data, tmp_path / name, skill) for name, skill in RIVALS.items()]
    found = compare.compare(*pair, [], CONFIG)
    assert found.by_requests is not None
    assert found.by_requests.verdict == compare.BETTER
    asked = [one.report.requests for one in pair]
    assert found.num_requests == asked[0].requests
    first = found.differences[0]
    assert (first.model, first.metric) == ("requests/candidates", "hit_rate@1")
    values = [one.systems["candidates"].values["hit_rate@1"] for one in asked]
    assert (first.first, first.second) == tuple(values)
    assert first.difference == pytest.approx(values[1] - values[0])
    assert 0.0 < first.low < first.difference < first.high
    # Paired: who is hit by the first is hit by the second.
    ends = [one.systems["candidates"].intervals["hit_rate@1"] for one in asked]
    assert first.high - first.low < sum(high - low for low, high in ends)
    models = {row.model for row in found.differences}
    assert "requests/popularity" not in models  # a baseline
    assert found.headline is not None
    assert found.headline.of.model == "candidates"


def test_the_rival_is_best_by_the_metric_of_the_headline(data: PreparedData) -> None:
    config = dataclasses.replace(CONFIG, ks=(3,))

    def maker(skill: float, place: int) -> lists.Maker:
        def make(cases: user_cases.Cases, k: int) -> lists.Lists:
            known = np.random.default_rng(0).random(len(cases)) < skill
            found = np.zeros((len(cases), k), np.int32)
            answers = cases.targets.values[cases.targets.offsets[:-1]]
            found[:, place] = np.where(known, answers, 0)
            return found

        return make

    # Hit rate .8, nDCG .4 for one; .6 and .6 for the other.
    makers = {"markov": maker(0.6, 0), "als": maker(0.8, 2), "candidates": maker(1, 0)}
    cases = user_cases.cases(data, events.Split.TEST, config)
    plain = measure.measure(data, cases, makers, {}, events.Split.TEST, config)
    given = (
        data,
        makers,
        events.Split.TEST,
        config,
        users_in_parts.WindowOpener(10**6),
    )
    asked = request_measure.added(plain, *given, ("candidates",)).report.requests
    assert asked is not None
    hits, gains = (
        {name: asked.systems[name].values[metric] for name in makers}
        for metric in ("hit_rate@3", "ndcg@3")
    )
    assert hits["als"] > hits["markov"]
    assert gains["als"] < gains["markov"]
    assert asked.rival == "als"
    ahead = asked.ahead["candidates"]["hit_rate@3"]
    assert ahead[0] == pytest.approx(hits["candidates"] - hits["als"])


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("requests/candidates/hit_rate@1 < baseline + 0.01", False),
        ("requests/candidates/hit_rate@1 < 2.9 * baseline", True),
        ("requests/hit_rate@1 < 0.9", True),
        ("requests/popularity/hit_rate@1 > baseline", False),
    ],
)
def test_conditions_name_metrics_by_requests(
    data: PreparedData, tmp_path: pathlib.Path, condition: str, fails: bool
) -> None:
    pair = [evaluated(data, tmp_path / name, skill) for name, skill in RIVALS.items()]
    (parsed,) = gates.parse(condition)
    found = compare.compare(*pair, [parsed], CONFIG).failures
    assert bool(found) is fails
    model = condition.split("/")[1] if condition.count("/") > 1 else "candidates"
    value = pair[1].report.by_requests[f"requests/{model}"].values["hit_rate@1"]
    assert all(f"requests/{model}/hit_rate@1 is {value:.4f}" in line for line in found)
    # By --models the condition is about the second, against the first of them.
    rivals = ("candidates", "popularity")
    found = compare.compare(
        *pair, gates.parse("requests/hit_rate@1 < baseline"), CONFIG, rivals
    )
    first = pair[0].report.by_requests["requests/candidates"].values["hit_rate@1"]
    assert f"(baseline {first:.4f})" in found.failures[0]


def test_conditions_against_requests_of_other_rules_are_refused(
    data: PreparedData, tmp_path: pathlib.Path
) -> None:
    pair = [evaluated(data, tmp_path / str(n), 0.5, num_requests=n) for n in (3_000, 0)]
    for text in ("requests/hit_rate@1 < 0.1", "requests/candidates/hit_rate@1 > 0"):
        with pytest.raises(errors.UserError, match="to name a metric of"):
            compare.compare(*pair, gates.parse(text), CONFIG)
    with pytest.raises(errors.UserError, match=r"only one of the reports has them"):
        compare.compare(
            *reversed(pair), gates.parse("requests/hit_rate@1 < baseline"), CONFIG
        )


def test_requests_of_other_rules_are_not_compared(
    data: PreparedData, tmp_path: pathlib.Path
) -> None:
    first = evaluated(data, tmp_path / "a", 0.3)
    for rules, words in (
        ({"delay_seconds": 3_600}, "delay_seconds 0 and 3600"),
        ({"num_requests": 20}, "requests"),
        ({"num_requests": 0}, "only one"),
    ):
        second = evaluated(data, tmp_path / "b", 0.7, **rules)
        found = compare.compare(first, second, [], CONFIG)
        assert words in found.requests_left_out
        assert found.by_requests is None
        assert found.num_requests == 0
        assert all("requests" not in row.model for row in found.differences)


def test_a_repeated_watch_is_a_miss_unless_it_may_be_listed(data: PreparedData) -> None:
    strict, loose = (
        request_cases.cases(
            data, events.Split.TEST, configs.EvaluationConfig(remove_watched=removed)
        )
        for removed in (True, False)
    )
    assert strict is not None
    assert loose is not None
    assert strict.is_repeat.any()
    assert not loose.is_repeat.any()
    assert not len(loose.cases.removed.values)
    index, users = data.log.shard_index, strict.cases.users
    number = index.num_before("watches", users, strict.cases.times)
    ends = index.offsets("watches")[users] + number
    before = index.watched_before(users, ends)
    for row, is_repeat in enumerate(strict.is_repeat.tolist()):
        own = before.take(np.array([row])).values
        assert (strict.answers[row] in own) == is_repeat


def test_exact_duplicates_are_one_request_and_a_sample_is_drawn(
    data: PreparedData,
) -> None:
    every = request_cases.cases(data, events.Split.TEST, CONFIG)
    few = configs.EvaluationConfig(num_requests=20)
    some = request_cases.cases(data, events.Split.TEST, few)
    assert every is not None
    assert some is not None
    cases = every.cases
    keys = set(zip(cases.users, every.answers, cases.times, strict=True))
    assert len(keys) == len(every) == every.num_watches == some.num_watches
    assert len(some) == 20
    assert set(some.cases.labels) <= set(cases.labels)


def test_requests_between_two_moments_are_those_of_the_window_then(
    data: PreparedData,
) -> None:
    every = request_cases.cases(data, events.Split.TEST, CONFIG)
    assert every is not None
    first, last = np.quantile(every.cases.times, [0.2, 0.6], method="nearest").tolist()
    some = request_cases.cases(data, events.Split.TEST, CONFIG, between=(first, last))
    assert some is not None
    inside = (every.cases.times >= first) & (every.cases.times < last)
    assert 0 < inside.sum() < len(every)
    assert some.cases.labels.tolist() == every.cases.labels[inside].tolist()
    assert some.answers.tolist() == every.answers[inside].tolist()
    assert request_cases.cases(data, events.Split.TEST, CONFIG, between=(0, 1)) is None


@pytest.mark.parametrize("name", ["theirs", "als", "last_hour"])
def test_another_system_answers_the_requests(
    data: PreparedData, tmp_path: pathlib.Path, name: str
) -> None:
    """Also under the name of a baseline or of a count."""
    asked = request_cases.cases(data, events.Split.TEST, CONFIG)
    assert asked is not None
    frame = request_cases.frame(data, asked)
    assert frame.columns == [request_cases.REQUEST_ID, schema.USER_ID, schema.TIME]
    right = dict(zip(asked.cases.labels.tolist(), asked.answers.tolist(), strict=True))
    ids = data.videos[schema.VIDEO_ID].to_list()
    answers = frame.with_columns(
        pl.Series(
            schema.VIDEO_ID,
            [ids[right[label] - 1] for label in frame[request_cases.REQUEST_ID]],
        ),
        score=pl.lit(1.0),
    )
    path = tmp_path / f"{name}.parquet"
    answers = answers.drop(schema.TIME, schema.USER_ID)
    answers.write_parquet(path)
    other = prediction_files.read(path, data)
    report = external_systems.evaluate(other, data, CONFIG, "test").report
    assert report.requests is not None
    counts = report.protocol.predictions
    assert counts is not None
    assert counts.users_without == 0
    shown = report_summary.summary_table(report, is_short=True)
    assert tables.model_title(name) in [row[0] for row in shown.rows]
    assert report.requests.rival != name
    own = report.requests.systems[name].values
    assert own["hit_rate@1"] == pytest.approx(1.0 - asked.is_repeat.mean())
    assert own["mrr@3"] == own["hit_rate@1"]
    assert report.requests.ahead[name]["hit_rate@1"][1] > 0.0
    answers.head(1).write_parquet(path)
    other = prediction_files.read(path, data)
    report = external_systems.evaluate(other, data, CONFIG, "test").report
    assert report.protocol.predictions.users_without == len(asked) - 1


def test_requests_need_a_split_in_time(tmp_path: pathlib.Path) -> None:
    watches = full_log.tables()[schema.WATCHES].select("user_id", "video_id", "time")
    data = prepare_watches(tmp_path / "data", watches, protocol="leave_one_out")
    assert request_cases.cases(data, events.Split.TEST, CONFIG) is None
    path = tmp_path / "theirs.csv"
    path.write_text("request_id,video_id,score\n0,v1,1\n")
    other = prediction_files.read(path, data)
    with pytest.raises(errors.UserError, match=r"protocol=temporal for predictions"):
        external_systems.evaluate(other, data, CONFIG, "test")
