"""Uploads beside a training: what a step waits for, what is left out, what is said."""

import pathlib
import threading
import time

import fsspec
import pytest

from tests.training import kills
from ytdnn.base import progress
from ytdnn.training import checkpoint_store, uploads

URL = "memory://bucket/run"
pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def said(monkeypatch):
    """The lines that are printed."""
    lines: list[str] = []
    monkeypatch.setattr(progress, "say", lines.append)
    return lines


@pytest.fixture
def puts(monkeypatch):
    """What each upload of a file does first, and the names of the files."""
    found: dict = {"names": [], "first": lambda: None}
    put_file = fsspec.filesystem("memory").put_file

    def put(files, path, name):
        found["first"]()
        found["names"].append(pathlib.Path(path).name)
        put_file(path, name)

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "put_file", put)
    return found


def _save(directory: pathlib.Path, number: int) -> None:
    """Replaces the latest checkpoint, as TensorFlow does; the best one stays."""
    for part, name in (("latest", f"ckpt-{number}.index"), ("best", "ckpt-1.index")):
        place = directory / part
        place.mkdir(parents=True, exist_ok=True)
        if not (place / name).exists():
            for old in place.iterdir():
                old.unlink()
            (place / name).write_text(f"{part} {number}")


def _uploads(directory: pathlib.Path):
    store = checkpoint_store.opened(URL)
    return store, uploads.Uploads(store, directory)


def test_training_goes_on_while_a_checkpoint_is_on_its_way(tmp_path, puts, said):
    gate = threading.Event()
    puts["first"] = lambda: gate.wait(30)
    store, uploading = _uploads(tmp_path)
    started = time.monotonic()
    for number in range(1, 5):
        _save(tmp_path, number)
        uploading.add((0, number))
    assert time.monotonic() - started < 10  # the gate is still closed
    assert store.latest() is None
    gate.set()
    uploading.finish()
    # The first was on its way, and the last replaced those that waited.
    assert (uploading.num_uploaded, uploading.num_left_out) == (2, 2)
    kept = store.latest()
    assert kept.reached == (0, 4)
    store.fetch(kept, tmp_path / "fetched")
    assert (tmp_path / "fetched/latest/ckpt-4.index").read_text() == "latest 4"
    assert "2 uploaded to memory://bucket/run in" in uploading.describe()
    assert uploading.describe().endswith("2 left out")
    assert not list((tmp_path / ".uploading").iterdir())
    assert said == []


def test_what_has_not_changed_is_not_copied_again(tmp_path, puts, bucket):
    store, uploading = _uploads(tmp_path)
    (tmp_path / "logs").mkdir()
    curve = tmp_path / "logs" / "events.1"
    for number in (1, 2):
        _save(tmp_path, number)
        curve.write_text("curve " * number)
        uploading.add((0, number))
        uploading.finish()
    assert sorted(puts["names"]) == sorted(
        ["ckpt-1.index", "ckpt-1.index", "ckpt-2.index", "events.1", "events.1"]
    )
    assert len(bucket.find("/bucket")) == 4  # with the list; nothing old is left
    store.fetch(store.latest(), tmp_path / "fetched")
    assert (tmp_path / "fetched/best/ckpt-1.index").read_text() == "best 1"
    assert (tmp_path / "fetched/logs/events.1").read_text() == "curve curve "


def test_an_upload_is_repeated_before_a_line_is_said(tmp_path, puts, said):
    failures = iter(range(2))

    def fail_twice():
        if next(failures, None) is not None:
            raise ConnectionError("reset by peer")

    puts["first"] = fail_twice
    store, uploading = _uploads(tmp_path)
    _save(tmp_path, 1)
    uploading.add((0, 1))
    uploading.finish()
    assert store.latest().reached == (0, 1)
    assert said == []


def test_an_outage_is_one_line_and_its_end_another(tmp_path, puts, said):
    puts["first"] = kills.kill
    store, uploading = _uploads(tmp_path)
    for number in (1, 2):
        _save(tmp_path, number)
        uploading.add((0, number))
        uploading.finish()
    assert store.latest() is None
    (line,) = said
    assert line.startswith("warning: the checkpoint could not be uploaded to memory:")
    assert "KilledError" in line
    assert "training goes on" in line
    puts["first"] = lambda: None
    _save(tmp_path, 3)
    uploading.add((0, 3))
    uploading.finish()
    assert store.latest().reached == (0, 3)
    assert said[1:] == ["checkpoints: uploaded to memory://bucket/run again"]
    assert uploading.num_uploaded == 1


def test_a_store_that_keeps_old_files_is_one_line(tmp_path, monkeypatch, said):
    monkeypatch.setattr(checkpoint_store.Store, "remove", kills.kill)
    store, uploading = _uploads(tmp_path)
    for number in (1, 2, 3):
        _save(tmp_path, number)
        uploading.add((0, number))
        uploading.finish()
    assert store.latest().reached == (0, 3)
    (line,) = said
    assert line.startswith("warning: old checkpoints stay at memory://bucket/run (")


def test_a_training_that_ends_early_does_not_wait_for_ever(tmp_path, monkeypatch, puts):
    gate = threading.Event()
    puts["first"] = lambda: gate.wait(30)
    monkeypatch.setattr(uploads, "_WHEN_ENDED", 0.05)
    _, uploading = _uploads(tmp_path)
    _save(tmp_path, 1)
    uploading.add((0, 1))
    started = time.monotonic()
    uploading.finish(is_ended=True)
    assert time.monotonic() - started < 10
    assert uploading.num_uploaded == 0
    gate.set()
    uploading.finish()
    assert uploading.num_uploaded == 1


def test_without_hard_links_files_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("not supported")

    monkeypatch.setattr(uploads.os, "link", refuse)
    store, uploading = _uploads(tmp_path)
    _save(tmp_path, 1)
    uploading.add((0, 1))
    uploading.finish()
    assert store.latest().reached == (0, 1)
