"""Checkpoints on an object store: what is read, what never is, and who writes."""

import dataclasses
import functools
import pathlib
import shutil

import fsspec
import numpy as np
import pytest

from tests import planted
from tests.training import kills
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.candidates import model
from ytdnn.log import object_stores
from ytdnn.ranking import model as ranking_model
from ytdnn.run import pipeline
from ytdnn.training import (
    candidates,
    checkpoint_store,
    checkpoints,
    devices,
    loop,
    ranking,
)

URL = "memory://bucket/run"
pytestmark = pytest.mark.usefixtures("bucket")
ONE, TWO = (0, 4), (1, 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _config(url="", members=1, seed=0):
    config = planted.tiny_config(seed, ranking_epochs=2)
    training = configs.TrainingConfig(
        epochs=3, batch_size=64, patience=3, checkpoint_every_steps=4
    )
    own = dataclasses.replace(
        config.candidates,
        training=training,
        label=configs.NextWatchConfig(slice_length=4),
        dropout=0.2,
        ensemble_size=members,
    )
    return dataclasses.replace(
        config, candidates=own, cluster=configs.ClusterConfig(checkpoints=url)
    )


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """Trains without a store, once for each number of networks."""

    @functools.cache
    def train(members=1):
        directory = tmp_path_factory.mktemp("undisturbed") / "candidates"
        candidates.train(_config(members=members), data, directory)
        return directory

    return train


def _assert_same(found, expected, data):
    vectors = [model.load(each, data).video_vectors() for each in (found, expected)]
    np.testing.assert_array_equal(*vectors)
    prints = [
        artifacts.read_manifest(each, model.KIND).fingerprint
        for each in (found, expected)
    ]
    assert prints[0] == prints[1]  # so what was made of it is not stale


def _killed(monkeypatch, config, data, directory, after=17):
    """Trains until a kill, then empties the disk."""
    with monkeypatch.context() as patched:
        kills.kill_once_after(patched, after)
        with pytest.raises(kills.KilledError):
            candidates.train(config, data, directory)
    shutil.rmtree(directory.parent)


def _count_steps(monkeypatch):
    steps, record = [], loop.Trainer.record

    def count(trainer, loss):
        steps.append(loss)
        record(trainer, loss)

    monkeypatch.setattr(loop.Trainer, "record", count)
    return steps


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_machine_with_an_empty_disk_resumes_from_the_store(
    data, tmp_path, monkeypatch, undisturbed, scheme
):
    expected = undisturbed()
    url = {"memory": URL, "file": f"file://{tmp_path}/store"}[scheme]
    config, place = _config(url), tmp_path / "disk" / "candidates"
    _killed(monkeypatch, config, data, place)
    steps = _count_steps(monkeypatch)
    candidates.train(config, data, place)
    assert len(steps) == 33 - 15  # 11 of an epoch; that of 4 steps of the second
    _assert_same(place, expected, data)
    assert not list(place.parent.glob(".*"))
    # The finished training stays there: it is published again without a step.
    shutil.rmtree(place.parent)
    candidates.train(config, data, place)
    assert len(steps) == 33 - 15
    _assert_same(place, expected, data)


@pytest.mark.thorough
def test_each_network_of_an_ensemble_resumes(data, tmp_path, monkeypatch, undisturbed):
    expected = undisturbed(2)
    config, place = _config(URL, members=2), tmp_path / "disk" / "candidates"
    _killed(monkeypatch, config, data, place, after=33 + 17)
    steps = _count_steps(monkeypatch)
    candidates.train(config, data, place)
    assert len(steps) == 33 - 15
    _assert_same(place, expected, data)


@pytest.mark.thorough
def test_the_ranker_resumes(data, tmp_path, monkeypatch, capfd):
    training = dataclasses.replace(
        _config().ranking.training, checkpoint_every_steps=2, batch_size=64
    )
    own = dataclasses.replace(_config().ranking, training=training)
    config = dataclasses.replace(_config(URL), ranking=own)
    alone = dataclasses.replace(config, cluster=configs.ClusterConfig())
    ranking.train(alone, data, tmp_path / "ranking")
    place = tmp_path / "disk" / "ranking"
    with monkeypatch.context() as patched:
        kills.kill_once_after(patched, 9)
        with pytest.raises(kills.KilledError):
            ranking.train(config, data, place)
    shutil.rmtree(place.parent)
    ranking.train(config, data, place)
    assert "made after 0 epochs and 8 steps" in capfd.readouterr().err
    prints = [
        artifacts.read_manifest(each, ranking_model.KIND).fingerprint
        for each in (place, tmp_path / "ranking")
    ]
    assert prints[0] == prints[1]


def test_another_config_reads_nothing_and_removes_nothing(
    data, tmp_path, monkeypatch, bucket
):
    _killed(monkeypatch, _config(URL), data, tmp_path / "disk" / "candidates")
    before = set(bucket.find("/bucket"))
    assert before
    steps = _count_steps(monkeypatch)
    place = tmp_path / "disk" / "candidates"
    candidates.train(_config(URL, seed=1), data, place)
    assert len(steps) == 33
    assert before < set(bucket.find("/bucket"))


def test_a_newer_checkpoint_of_the_disk_is_kept_and_uploaded(
    data, tmp_path, monkeypatch, undisturbed, bucket
):
    place = tmp_path / "candidates"
    kills.kill_once_after(monkeypatch, 17)
    with pytest.raises(kills.KilledError):
        candidates.train(_config(), data, place)  # without the store
    monkeypatch.undo()
    kept = []
    put = checkpoint_store.Store.put

    def noting(store, source, reached, before):
        kept.append(reached)
        return put(store, source, reached, before)

    monkeypatch.setattr(checkpoint_store.Store, "put", noting)
    candidates.train(_config(URL), data, place)
    assert (kept[0], kept[-1]) == ((1, 4), (3, 0))
    _assert_same(place, undisturbed(), data)


class _Files:
    """A file system with some methods replaced."""

    def __init__(self, files, **replaced):
        self.__dict__ |= {"files": files} | replaced

    def __getattr__(self, name):
        return getattr(self.files, name)


def _lost(*_):
    raise ConnectionError("reset by peer")


def _store(**replaced):
    store = checkpoint_store.opened(URL, "candidates", "key")
    return dataclasses.replace(store, files=_Files(store.files, **replaced))


def _checkpoint(directory: pathlib.Path, number: int) -> pathlib.Path:
    for part in ("latest", "best"):
        (directory / part).mkdir(parents=True, exist_ok=True)
        for kind in ("index", "data"):
            path = directory / part / f"ckpt-{number}.{kind}"
            path.write_text(f"{part} {number} {kind}" * number)
    return directory


def _names(directory):
    return {path.name for path in directory.rglob("*") if path.is_file()}


def test_an_upload_that_breaks_off_is_never_read(tmp_path):
    first, second = (_checkpoint(tmp_path / str(n), n) for n in (1, 2))
    store = _store()
    one = store.put(first, ONE, {})
    for allowed in range(4):
        left = iter(range(allowed))

        def breaking(*words, left=left):
            if next(left, None) is None:
                _lost()
            return store.files.put_file(*words)

        with pytest.raises(ConnectionError):
            _store(put_file=breaking).put(second, TWO, {})
        assert store.latest() == one
    # Nor one whose list is cut short, as on a store without whole writes.
    cut = lambda path, content: store.files.pipe_file(path, content[:-9])  # noqa: E731
    _store(pipe_file=cut).put(second, TWO, {})
    assert store.latest() == one
    with pytest.raises(ConnectionError):
        _store(pipe_file=_lost).put(second, TWO, {})
    store.fetch(store.latest(), tmp_path / "fetched")
    assert _names(tmp_path / "fetched") == _names(first)
    # The next whole one removes what they left.
    kept = store.put(second, TWO, {})
    store.remove_all_but(kept)
    assert store.latest() == kept
    assert len(store.files.find(store.root)) == 5


def test_a_file_that_arrives_cut_short_fails_the_upload(tmp_path):
    store = _store()
    cut = lambda path, name: store.files.pipe_file(name, b"half")  # noqa: E731
    with pytest.raises(OSError, match="is not there as it was written"):
        _store(put_file=cut).put(_checkpoint(tmp_path, 1), ONE, {})
    assert store.latest() is None


def test_a_checkpoint_that_lost_a_file_is_not_read(tmp_path):
    store = _store()
    one = store.put(_checkpoint(tmp_path / "1", 1), ONE, {})
    two = store.put(_checkpoint(tmp_path / "2", 2), TWO, {})
    assert store.latest() == two
    store.remove(two.files["best/ckpt-2.data"][0])
    assert store.latest() == one


def test_a_list_whose_paths_lead_elsewhere_is_not_read(tmp_path):
    for path in ("../evil", "/etc/evil", "latest/../../evil", "latest/.."):
        store = _store()
        kept = store.put(_checkpoint(tmp_path, 1), ONE, {})
        name, size = kept.files["latest/ckpt-1.data"]
        store.write(kept.listed, f'{{"{path}": ["{name}", {size}]}}'.encode())
        assert store.latest() is None
        store.remove(kept.listed)


def test_a_fetched_checkpoint_replaces_the_one_on_the_disk(tmp_path):
    store = _store()
    store.put(_checkpoint(tmp_path / "2", 2), TWO, {})
    disk = _checkpoint(tmp_path / "disk", 1)
    store.fetch(store.latest(), disk)
    assert _names(disk) == _names(tmp_path / "2")
    # One that is lost half way leaves the old one, and the next try is whole.
    store.put(_checkpoint(tmp_path / "3", 3), (2, 0), {})
    with pytest.raises(ConnectionError):
        _store(get_file=_lost).fetch(store.latest(), disk)
    assert "ckpt-2.index" in _names(disk)
    store.fetch(store.latest(), disk)
    assert _names(disk) == _names(tmp_path / "3")


class _Worker(devices.OneDevice):
    """A worker beside a chief, which fetches while the worker waits for its word."""

    writes = False

    def __init__(self, config, store, shared):
        super().__init__(config.cluster)
        self._store, self._shared = store, shared
        self.reached = None

    def agreed(self, values):
        if self.reached is None and not self._shared.exists():
            self._store.fetch(self._store.latest(), self._shared)
        return list(values)

    def require_same(self, epoch, step):
        self.reached = (epoch, step)


def test_a_worker_waits_for_the_chief_and_writes_nothing(
    data, tmp_path, monkeypatch, bucket
):
    config = _config(URL)
    _killed(monkeypatch, config, data, tmp_path / "disk" / "candidates")
    before = {path: bucket.cat_file(path) for path in bucket.find("/bucket")}
    (name,) = {path.split("/")[4] for path in before}
    store = checkpoint_store.opened(URL, "candidates", name)
    stage = candidates.make_stage(config, data, model.build(config.candidates, data))
    on = _Worker(config, store, tmp_path / "shared")
    shared = tmp_path / "shared"
    loop.fit(stage, config.candidates.training, 0, on, shared, store)
    assert on.reached == (1, 4)
    assert {path.name for path in shared.iterdir()} == {"best", "latest", "logs"}
    assert (shared / "latest" / "ckpt-4.index").exists()
    assert {path: bucket.cat_file(path) for path in bucket.find("/bucket")} == before


def test_a_store_that_cannot_be_read_is_one_line_of_a_later_try(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint_store.Store, "latest", _lost)
    with pytest.raises(errors.LostProcessError, match=r"run/candidates.*reset by peer"):
        candidates.train(_config(URL), data, tmp_path / "candidates")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/mnt/run", "expected an address such as s3://bucket/run in --checkpoints"),
        ("nosuchstore://run", "an address that fsspec supports"),
    ],
)
def test_a_wrong_address_is_one_line_before_anything_is_made(tmp_path, url, message):
    with pytest.raises(errors.UserError, match=message):
        pipeline.run(tmp_path / "run", _config(url))
    assert not (tmp_path / "run" / "data").exists()


def test_a_store_without_its_package_or_permission_is_one_line(monkeypatch):
    core = object_stores.importlib.import_module("fsspec.core")
    files = _Files(fsspec.filesystem("memory"), pipe_file=_lost)
    with monkeypatch.context() as patched:
        patched.setattr(core, "url_to_fs", lambda url: (files, "/bucket"))
        with pytest.raises(errors.UserError, match=r"write to.*reset by peer"):
            checkpoint_store.require("s3://bucket/run")

    def missing(name):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(object_stores.importlib, "import_module", missing)
    with pytest.raises(errors.UserError, match=r"Install s3fs.*\[storage\]"):
        checkpoint_store.require("s3://bucket/run")


def test_an_address_that_can_be_written_to_stays_as_it_was(bucket):
    checkpoint_store.require(URL)
    assert bucket.find("/bucket") == []


def test_without_an_address_there_is_no_store(tmp_path):
    assert checkpoints.store("", tmp_path / "candidates", {}, {}) is None
