"""A backtest on a small log: what each arm knows, and going on after a kill.

Videos `new 1` to `new 3` come after the first training, one in each step of a day; in
each step half of the users watch it, and in the next one the other half.
"""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import polars as pl
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.lab.backtest import arms, backtesting, results
from ytdnn.lab.pages import backtest_page
from ytdnn.log import events, prepared
from ytdnn.run.cli import main
from ytdnn.training import continued_training

Rolling, Arm = backtesting.RollingEvaluation, arms.BacktestArm
DAY = 86_400
START = 1_700_006_400  # midnight
FIRST = START + 10 * DAY  # the first step
NUM_STEPS = 4
ARMS = arms.parse_all("never,counters,refresh=1d,refit=2d,counted", DAY)
# Of the watches of a day alone, and of the network a little.
WEIGHTS = (0.0, 0.0, 0.0, 1.0, 0.0, *[0.0] * 13, 1e-6)


def watches(steps: int = NUM_STEPS) -> pl.DataFrame:
    """Ten days of 24 users and 20 videos, then some days with new videos."""
    rng = np.random.default_rng(0)
    rows = []
    for day in range(10 + steps):
        for user in range(24):
            second = START + day * DAY + user * 3_000
            rows.append((f"u{user}", f"v{rng.integers(20)}", second))
            step = day - 10
            for age in (0, 1):
                if step >= age and user % 2 == age and step - age < 3:
                    rows.append((f"u{user}", f"new {step - age + 1}", second + 60))
    return pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")


def planned(directory: pathlib.Path, log: pl.DataFrame) -> backtesting.Backtest:
    logged = directory.parent / f"{directory.name}_log"
    logged.mkdir(parents=True)
    log.write_parquet(logged / "watches.parquet")
    config = planted.tiny_config()
    training = configs.TrainingConfig(epochs=1, batch_size=256)
    config = dataclasses.replace(
        config,
        data=configs.DataConfig(
            source="log", dir=str(logged), test_from="2023-11-25T00:00:00"
        ),
        candidates=dataclasses.replace(config.candidates, training=training),
        composition=dataclasses.replace(config.composition, live_weights=WEIGHTS),
        refresh=dataclasses.replace(config.refresh, epochs=1),
        evaluation=dataclasses.replace(config.evaluation, num_resamples=20),
    )
    return backtesting.Backtest(directory, config, ARMS, DAY)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Rolling:
    directory = tmp_path_factory.mktemp("backtest") / "whole"
    return backtesting.run(planned(directory, watches()), lambda line: None)


def ranks(played: Rolling, arm: Arm, number: int, video: str) -> list[int]:
    """Returns the places of a video in the requests of a step that it answers."""
    data = prepared.load(played.backtest.directory / backtesting.RUN / "data")
    log = watches().with_columns(day=(pl.col("time") - FIRST) // DAY)
    ids = data.users["user_id"].to_list()
    record = played.records(arm)[number]
    asked = log.filter(day=number).unique(["user_id", "time", "video_id"])
    by_user = {
        user: asked.filter(user_id=ids[user]).sort("time")["video_id"].to_list()
        for user in set(record["users"])
    }
    found = []
    for user, rank in zip(record["users"], record["ranks"], strict=True):
        if by_user[user].pop(0) == video:
            found.append(rank)
    return found


def test_every_watch_of_a_step_is_a_request(played: Rolling) -> None:
    assert played.begin == FIRST
    assert len(played.spans) == NUM_STEPS
    days = (watches()["time"].to_numpy() - FIRST) // DAY
    for arm in ARMS:
        numbers = [record["requests"] for record in played.records(arm)]
        assert numbers == [(days == number).sum() for number in range(NUM_STEPS)]


def test_counters_know_the_step_before_and_never_does_not(
    played: Rolling,
) -> None:
    never, counters, *_ = ARMS
    assert set(ranks(played, never, 1, "new 1")) == {-1}
    assert max(ranks(played, counters, 1, "new 1")) < 10
    assert min(ranks(played, counters, 1, "new 1")) >= 0


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_no_request_knows_itself(played: Rolling, arm: Arm) -> None:
    """The first watch of each new video is a surprise to every arm."""
    for number in range(3):
        assert ranks(played, arm, number, f"new {number + 1}")[0] == -1


@pytest.mark.parametrize(
    ("arm", "moment"), [(ARMS[2], FIRST + 3 * DAY), (ARMS[3], FIRST + 2 * DAY)]
)
def test_updates_learn_what_was_watched_before_them(
    played: Rolling, arm: Arm, moment: int
) -> None:
    places = [*(played.backtest.directory / "arms").glob(f"{arm.kind}*/*")]
    assert [int(place.name) for place in places] == [moment]  # the last alone is kept
    data = prepared.load(places[0] / "data")
    times, splits = (np.asarray(c) for c in (data.watches.times, data.watches.splits))
    assert (splits[times >= moment] == events.Split.TEST).all()
    assert not (splits[times < moment] == events.Split.TEST).any()
    known = set(data.videos["video_id"].head(data.vocabulary_size))
    assert known >= {"new 1", "new 2"}
    own = played.records(arm)
    due = [n for n in range(1, NUM_STEPS) if n * DAY % arm.every == 0]
    assert [n for n, record in enumerate(own) if "core_seconds" in record] == due
    assert all(own[number]["core_seconds"] > 0.0 for number in due)
    facts = artifacts.read_manifest(places[0] / "candidates", "candidates").facts
    if arm.kind == arms.REFRESH:
        assert facts["learned_from"] == moment - DAY
        assert facts["learned_to"] == moment


def test_a_killed_backtest_goes_on(
    played: Rolling, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "killed"
    shutil.copytree(played.backtest.directory, directory)
    done = [directory / "steps" / "00000" / f"{arm.name}.json" for arm in ARMS[:2]]
    before = [path.stat().st_mtime_ns for path in done]
    for path in directory.glob("steps/*/re*.json"):
        path.unlink()
    shutil.rmtree(directory / "arms")
    asked = dataclasses.replace(played.backtest, directory=directory)

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(continued_training, "carry_candidates", killed)
        with pytest.raises(KeyboardInterrupt):
            backtesting.run(asked, lambda line: None)
    assert (directory / "steps/00000/refresh-1d.json").exists()
    again = backtesting.run(asked, lambda line: None)
    assert [path.stat().st_mtime_ns for path in done] == before
    for arm in ARMS:
        for one, other in zip(played.records(arm), again.records(arm), strict=True):
            assert one | {"core_seconds": 0} == other | {"core_seconds": 0}


def test_another_backtest_is_refused(played: Rolling) -> None:
    hourly = dataclasses.replace(played.backtest, every=3_600)
    with pytest.raises(errors.UserError, match="received another every: give another"):
        backtesting.run(hourly, lambda line: None)


def test_counters_need_watches_to_be_fitted_to(
    played: Rolling, tmp_path: pathlib.Path
) -> None:
    directory = tmp_path / "few"
    shutil.copytree(played.backtest.directory, directory)
    path = directory / backtesting.RUN / "choice.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": []}))
    asked = dataclasses.replace(played.backtest, directory=directory)
    with pytest.raises(errors.UserError, match="for the arm counters, found fewer"):
        backtesting.run(asked, lambda line: None)
    backtesting.run(dataclasses.replace(asked, arms=ARMS[:1]), lambda line: None)


@pytest.mark.thorough
def test_what_comes_later_changes_nothing(
    played: Rolling, tmp_path: pathlib.Path
) -> None:
    """The videos of the last two steps are exchanged among their watches."""
    log, bound = watches(), FIRST + 2 * DAY
    early, late = (
        log.filter(pl.col("time") < bound),
        log.filter(pl.col("time") >= bound),
    )
    late = late.with_columns(video_id=late["video_id"].shuffle(seed=1))
    asked = planned(tmp_path / "other", pl.concat([early, late]))
    other = backtesting.run(asked, lambda line: None)
    for arm in ARMS:
        pairs = [*zip(played.records(arm), other.records(arm), strict=True)]
        for one, two in pairs[:2]:
            assert one["ranks"] == two["ranks"]
    assert any(one["ranks"] != two["ranks"] for one, two in pairs[2:])


def test_the_result_agrees_with_the_records(played: Rolling) -> None:
    result = results.from_played(played)
    assert result.requests == sum(r["requests"] for r in played.records(ARMS[0]))
    for arm in ARMS:
        ranks = np.concatenate([r["ranks"] for r in played.records(arm)])
        own = result.arms[arm.name].metrics
        is_hit = (ranks >= 0) & (ranks < 10)
        assert own["hit_rate@10"][0] == pytest.approx(is_hit.mean())
        gains = is_hit / np.log2(ranks + 2.0 + (ranks < 0))
        assert own["ndcg@10"][0] == pytest.approx(gains.mean())
    gap = result.differences["counters"]["never"]["hit_rate@10"]
    values = [result.arms[n].metrics["hit_rate@10"][0] for n in ("counters", "never")]
    assert gap[0] == pytest.approx(values[0] - values[1])
    assert result.arms["refresh=1d"].updates == 3
    assert result.arms["refit=2d"].updates == 1
    page = backtest_page.draw(result)
    assert result.advice.replace("&", "&amp;") in page
    assert page.count("<svg ") == 3


def test_the_command_shows_a_page_and_an_advice(
    played: Rolling, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture
) -> None:
    directory = tmp_path / "mine"
    log = played.backtest.config.data.dir
    argv = [f"--workdir={directory}", "--source=log", f"--data_dir={log}"]
    argv += ["--arms=counted,never", "--steps=2", "--every=1d"]
    argv += [f"--config={tmp_path / 'mine.py'}"]
    shutil.copytree(played.backtest.directory, directory)
    begun = json.loads((directory / "begun.json").read_text())
    (tmp_path / "mine.py").write_text(
        f"from ytdnn import configs\n\n\ndef get_config():\n"
        f"    return configs.from_dict({begun['config']!r})\n"
    )
    assert main.main(["backtest", *argv]) == 0
    said = capsys.readouterr().out
    assert "advice: " in said
    assert len(said.splitlines()) <= 30
    kept = json.loads((directory / "backtest.json").read_text())
    assert [*kept["arms"]] == ["counted", "never"]
    assert len(kept["arms"]["counted"]["steps"]) == 2
    assert (directory / "backtest.html").exists()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--every=1w"], "expected --every as minutes, hours or days"),
        (["--steps=0"], "expected --steps to be a whole number"),
        (["--arms=weekly"], "expected --arms of never"),
        (["--config.data.protocol=leave_one_out"], "expected data.protocol=temporal"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: pathlib.Path,
    flags: list[str],
    line: str,
    capsys: pytest.CaptureFixture,
) -> None:
    assert main.main(["backtest", f"--workdir={tmp_path / 'mine'}", *flags]) == 2
    assert line in capsys.readouterr().err
