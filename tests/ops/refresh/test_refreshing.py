"""A refresh: the models of a run learn from the events since, and are exported."""

import dataclasses
import json
import pathlib
import shutil
import time

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests import planted, refusals
from tests.ops.refresh import random_days
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import bundle as bundle_room
from ytdnn.candidates import model
from ytdnn.log import events, prepared
from ytdnn.ops.state import posted_events, sqlite_store
from ytdnn.run.pipeline import graph, runner, workdir
from ytdnn.training import continued_training, optimizers

refused = refusals.line
Tables = dict[str, pl.DataFrame]
EVENTS = (schema.WATCHES, schema.IMPRESSIONS)
EARLIER = "refresh/earlier"


@dataclasses.dataclass(frozen=True)
class Runs:
    """A run, one refreshed from it, and the log of each."""

    source: pathlib.Path
    workdir: pathlib.Path
    old: Tables
    new: Tables

    def data(self, place: str = "data") -> prepared.PreparedData:
        return prepared.load(self.workdir / place)

    @property
    def begins(self) -> int:
        """Where the training of the source's candidates has ended."""
        return prepared.load(self.source / "data").windows.training_window[1]


def between(tables: Tables, first: float, last: float) -> Tables:
    """Returns the events after one quantile of the watches' time, up to another."""
    times = tables[schema.WATCHES][schema.TIME].sort()
    begin, end = (times[round(share * (len(times) - 1))] for share in (first, last))
    after = pl.col(schema.TIME) > begin if first else pl.lit(value=True)
    span = after & (pl.col(schema.TIME) <= end)
    return {n: t.filter(span) if n in EVENTS else t for n, t in tables.items()}


@pytest.fixture(scope="module")
def runs(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    directory = tmp_path_factory.mktemp("refresh")
    old, new = between(tables, 0.0, 0.8), between(tables, 0.8, 0.95)
    config = planted.tiny_config()
    training = dataclasses.replace(config.ranking.training, epochs=3)
    config = dataclasses.replace(
        config,
        ranking=dataclasses.replace(config.ranking, training=training),
        index=configs.IndexConfig(search=configs.ExactConfig()),
    )
    ytdnn.prepare(directory / "old", config, tables=old)
    ytdnn.train(directory / "old", config)
    target = directory / "new"
    assert ytdnn.refresh(directory / "old", target, tables=new) == target / "bundle"
    return Runs(directory / "old", target, old, new)


@pytest.mark.thorough
def test_all_watches_are_trained_on_and_vocabularies_have_grown(runs: Runs) -> None:
    old, new = prepared.load(runs.source / "data"), runs.data()
    assert len(new.watches) == sum(
        len(log[schema.WATCHES]) for log in (runs.old, runs.new)
    )
    assert (np.asarray(new.watches.splits) == events.Split.TRAIN).all()
    assert new.vocabulary_size > old.vocabulary_size
    last = max(runs.new[name][schema.TIME].max() for name in EVENTS)
    opened = bundle_room.load(runs.workdir / "bundle")
    assert opened.manifest.facts["refit"]["trained_to"]["seconds"] == last + 1
    assert opened.answer([{schema.K: 5}])[0].video_ids


@pytest.mark.thorough
def test_what_was_learned_is_carried_over(runs: Runs) -> None:
    """Before it learns, the grown model says what the old one says."""
    old_data, data = prepared.load(runs.source / "data"), runs.data(f"{EARLIER}/data")
    old = model.load(runs.source / "candidates", old_data)
    carried = model.load(runs.workdir / EARLIER / "candidates", data)
    ids = [d.videos[schema.VIDEO_ID].to_list() for d in (old_data, data)]
    rows = [ids[1].index(i) for i in ids[0][: old_data.vocabulary_size]]
    np.testing.assert_allclose(
        carried.video_vectors()[rows], old.video_vectors(), atol=1e-6
    )
    users, ends = old_data.windows.first_watches(events.Split.VALIDATION)
    before = ends - np.asarray(old_data.watches.offsets)[users]
    moved = np.asarray(data.watches.offsets)[users] + before
    np.testing.assert_allclose(
        carried.user_vectors(data, users, moved),
        old.user_vectors(old_data, users, ends),
        atol=1e-5,
    )
    later = model.load(runs.workdir / "candidates", runs.data())
    assert np.abs(later.video_vectors()[rows] - old.video_vectors()).max() > 1e-3


@pytest.mark.thorough
def test_the_ranker_learns_from_scores_of_candidates_that_came_before(
    runs: Runs,
) -> None:
    data = runs.data(f"{EARLIER}/data")
    learned = np.asarray(data.impressions.splits) == events.Split.TRAIN
    assert learned.any()
    assert np.asarray(data.impressions.times)[learned].min() >= runs.begins
    facts = artifacts.peek(runs.workdir / EARLIER / "candidates/manifest.json")
    assert facts["epochs"] == 0
    manifest = artifacts.read_manifest(runs.workdir / EARLIER / "ranking", "ranking")
    assert manifest.facts["epochs"] == configs.RefreshConfig().epochs


@pytest.mark.thorough
def test_optimisers_go_on(runs: Runs) -> None:
    for stage, name in (
        ("candidates", f"0.{optimizers.STATE_FILE}"),
        ("ranking", optimizers.STATE_FILE),
    ):
        old, new = (
            optimizers.read_state(home / stage / name)
            for home in (runs.source, runs.workdir)
        )
        assert old is not None
        assert new is not None
        assert new.steps > old.steps > 0
        assert old.slots.keys() == new.slots.keys()


@pytest.mark.thorough
def test_the_new_run_is_one_like_any(runs: Runs) -> None:
    config = workdir.require_config(runs.workdir)
    for step in (graph.DATA, graph.CANDIDATES, graph.INDEX, graph.RANKING):
        assert not runner.staleness(step, config, runs.workdir)
    assert not runner.staleness(graph.BUNDLE, config, runs.workdir)
    user = runs.old[schema.WATCHES]["user_id"][0]
    found = ytdnn.Recommender.load(runs.workdir / "bundle").recommend([user], k=3)
    assert found.height == 3
    assert "were trained on every answer" in refused(ytdnn.evaluate, runs.workdir)


@pytest.mark.slow
def test_it_is_refreshed_in_turn_and_a_killed_one_goes_on(
    runs: Runs, tables: Tables, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the whole grown log; it ends as one that was not disturbed."""
    whole = between(tables, 0.0, 1.0)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    once, twice = tmp_path / "once", tmp_path / "twice"
    with monkeypatch.context() as patch:
        patch.setattr(continued_training, "carry_ranking", killed)
        with pytest.raises(KeyboardInterrupt):
            ytdnn.refresh(runs.workdir, twice, tables=whole)
    assert not (twice / "bundle").exists()
    for target in (once, twice):
        ytdnn.refresh(runs.workdir, target, tables=whole)
    for name in ("data", "candidates", "ranking"):
        prints = {
            artifacts.read_manifest(d / name, name).fingerprint for d in (once, twice)
        }
        assert len(prints) == 1
    assert len(prepared.load(twice / "data").watches) == len(whole[schema.WATCHES])


@pytest.mark.thorough
def test_a_refresh_that_was_begun_otherwise_says_how(
    runs: Runs, tmp_path: pathlib.Path
) -> None:
    config = workdir.require_config(runs.source)
    target = tmp_path / "begun"
    shutil.copytree(runs.workdir, target)
    moved = tmp_path / "moved"
    moved.symlink_to(runs.source)

    def line(source: pathlib.Path = runs.source, **given: object) -> str:
        return refused(ytdnn.refresh, source, target, **{"tables": runs.new} | given)

    assert "another run (other log)" in line(tables=runs.old)
    longer = dataclasses.replace(config, refresh=configs.RefreshConfig(epochs=7))
    assert "another run (other config)" in line(config=longer)
    assert "another run (other from)" in line(moved)
    record = target / "refresh.json"
    begun = json.loads(record.read_text())
    record.write_text(json.dumps(begun | {"run": "of other weights"}))
    assert "another run (other run)" in line()


@pytest.mark.thorough
def test_mistakes_are_one_line(runs: Runs, tmp_path: pathlib.Path) -> None:
    source, new = runs.source, runs.new

    def line(*places: pathlib.Path, **given: object) -> str:
        return refused(ytdnn.refresh, *places, **given)

    assert "twice" in line(source, source, tables=new)
    assert "expected one of --data_dir and --state" in line(source, tmp_path)
    assert "a run in" in line(tmp_path, tmp_path / "x", tables=new)
    assert "found another run" in line(runs.workdir, source, tables=new)
    for column in (schema.VIDEO_ID, schema.USER_ID):  # then another mistake
        wrong = new | {schema.WATCHES: new[schema.WATCHES].drop(column)}
        assert column in line(source, tmp_path / "wrong", tables=wrong)


@pytest.mark.thorough
def test_a_day_may_lack_tables_and_its_events_are_known_by_content(
    runs: Runs, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, day = tmp_path / "source", tmp_path / "day"
    shutil.copytree(runs.source, source)
    config = workdir.require_config(source)
    data = dataclasses.replace(
        config.data,
        source="log",
        dir="elsewhere",
        files=("watches=seen.csv", "impressions=shown.csv"),
        columns=("impressions.clicked=is_click",),
    )
    workdir.write_config(source, dataclasses.replace(config, data=data))
    day.mkdir()
    runs.new[schema.WATCHES].write_csv(day / "seen.csv")
    said: list[str] = []

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def refresh(target: str, **given: object) -> prepared.PreparedData:
        with pytest.raises(KeyboardInterrupt):
            ytdnn.refresh(
                source, tmp_path / target, data_dir=day, verbose=said.append, **given
            )
        return prepared.load(tmp_path / target / "refresh/appended")

    monkeypatch.setattr("ytdnn.log.derived_sets.derive", killed)
    found = refresh("new")
    number = sum(len(log[schema.WATCHES]) for log in (runs.old, runs.new))
    assert len(found.watches) == number
    assert len(found.impressions) == len(runs.old[schema.IMPRESSIONS])
    note = "note: the new log has no impressions, read as a table without rows"
    assert said.count(note) == 1
    content = (day / "seen.csv").read_bytes()
    (day / "seen.csv").unlink()
    (day / "seen.csv").write_bytes(content)  # at another time
    refresh("new")
    assert any("refresh/appended: skipped" in line for line in said)
    (day / "seen.csv").rename(day / "tuesday.csv")
    assert len(refresh("other", files=["watches=tuesday.csv"]).watches) == number


@pytest.mark.thorough
def test_without_impressions_the_ranker_stays_as_it_is(
    runs: Runs, tmp_path: pathlib.Path
) -> None:
    said: list[str] = []
    watches = runs.new[schema.WATCHES].with_columns(pl.col(schema.TIME) + 9_000_000)
    day, source = {schema.WATCHES: watches}, tmp_path / "new"
    ytdnn.refresh(runs.workdir, source, tables=day, verbose=said.append)
    assert sum("the ranker learns nothing: none of" in line for line in said) == 1
    old, new = (
        optimizers.read_state(home / "ranking" / optimizers.STATE_FILE)
        for home in (runs.workdir, source)
    )
    assert old is not None
    assert new is not None
    assert new.steps == old.steps
    answer = bundle_room.load(source / "bundle").answer([{schema.K: 5}])[0]
    assert len(answer.video_ids) == 5


def post(place: pathlib.Path, tables: Tables, received: float) -> None:
    """Stores the watches and impressions of a log."""
    batch = []
    kinds = {schema.WATCHES: posted_events.WATCH}
    kinds[schema.IMPRESSIONS] = posted_events.IMPRESSION
    for table, kind in kinds.items():
        for row in tables[table].iter_rows(named=True):
            body = {k: v for k, v in row.items() if v is not None} | {"kind": kind}
            text = json.dumps(body, default=str)
            name = f"{len(batch)} at {received}"
            known = kind, str(row["user_id"]), "", int(row["time"]), received, text
            batch.append(posted_events.Event(name, *known))
    store = sqlite_store.Database(place)
    store.add(batch).result()
    store.close()


@pytest.mark.thorough
def test_a_state_gives_the_set_of_its_events_as_a_log(
    runs: Runs, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late events too; and those that come after a kill wait for the next refresh."""
    place, now = tmp_path / "state.db", time.time()
    late = between(runs.old, 0.5, 0.6)
    late = {
        n: late[n].with_columns(pl.col(schema.TIME) + 1)
        for n in (schema.WATCHES, schema.IMPRESSIONS)
    }
    known = now - 10 * schema.DAY_SECONDS  # before the run was prepared
    post(place, between(runs.old, 0.2, 0.3), known)
    news = {n: pl.concat([late[n], runs.new[n]]) for n in late}
    # In a state a click is a watch too.
    clicks = pl.lit(value=False).alias(schema.CLICKED)
    news[schema.IMPRESSIONS] = news[schema.IMPRESSIONS].with_columns(clicks)
    post(place, news, now)
    said: list[str] = []

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def refresh(target: str, **given: object) -> prepared.PreparedData:
        with pytest.raises(KeyboardInterrupt):
            ytdnn.refresh(runs.source, tmp_path / target, verbose=said.append, **given)
        return prepared.load(tmp_path / target / "refresh/appended")

    monkeypatch.setattr("ytdnn.log.derived_sets.derive", killed)
    monkeypatch.setattr("ytdnn.ops.refresh.append._YOUNG_SECONDS", 0.0)
    found, wanted = refresh("state", state=str(place)), refresh("log", tables=news)
    contents = [random_days.contents(data) for data in (found, wanted)]
    assert contents[0] == contents[1]
    assert found.manifest.facts["received_to"] >= now
    post(place, runs.new, now + 1.0)
    assert len(refresh("state", state=str(place)).watches) == len(wanted.watches)
    assert any("refresh/appended: skipped" in line for line in said)
    line = refused(ytdnn.refresh, runs.source, tmp_path / "x", state="nowhere.db")
    assert "expected the state of a server in nowhere.db, found none" in line


@pytest.mark.thorough
def test_a_refused_log_leaves_nothing(runs: Runs, tmp_path: pathlib.Path) -> None:
    line = refused(ytdnn.refresh, runs.source, tmp_path / "new", tables=runs.old)
    assert "has not, found none" in line
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".lock"]
