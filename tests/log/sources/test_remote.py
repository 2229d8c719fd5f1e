"""Logs on object stores, with fsspec's memory as one."""

import fsspec
import polars as pl
import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import prepare
from ytdnn.log.sources import archives, remote

URL = "memory://bucket/logs"


@pytest.fixture
def store(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr(archives, "cache_directory", lambda: cache)
    found = fsspec.filesystem("memory")
    found.store.clear()
    yield found
    found.store.clear()


def _put(store, name, frame):
    with store.open(f"/bucket/logs/{name}", "wb") as file:
        frame.write_parquet(file)


def _config(directory):
    return configs.DataConfig(
        source="log", dir=str(directory), protocol="leave_one_out"
    )


def test_a_log_on_a_store_is_prepared_as_its_files_here(store, tmp_path):
    local = tmp_path / "local"
    local.mkdir()
    for name, frame in full_log.tables().items():
        (local / name).mkdir()
        for number, part in enumerate((frame[:20], frame[20:])):
            part.write_parquet(local / name / f"{number}.parquet")
            _put(store, f"{name}/{number}.parquet", part)
    _put(store, "other.parquet", pl.DataFrame({"a": [1]}))
    expected = prepare.prepare(_config(local), tmp_path / "expected")
    data = prepare.prepare(_config(URL), tmp_path / "data")
    assert data.manifest.files == expected.manifest.files
    assert data.manifest.facts["files"]["watches"] == f"{URL}/watches"
    assert not list((tmp_path / "cache").rglob("other*"))


def test_what_has_changed_is_copied_again_and_nothing_else(
    store, tmp_path, monkeypatch
):
    frame = pl.DataFrame({"user_id": ["a"], "video_id": ["v"], "time": [1]})
    for name in ("watches/0.parquet", "watches/1.parquet"):
        _put(store, name, frame)
    copied = []
    get_file = type(store).get_file

    def counting(self, remote_path, *arguments, **named):
        copied.append(remote_path.rpartition("/")[2])
        return get_file(self, remote_path, *arguments, **named)

    monkeypatch.setattr(type(store), "get_file", counting)
    fetch = lambda: remote.fetched(URL, ["watches"], tmp_path / "cache")  # noqa: E731
    target = fetch()
    assert copied == ["0.parquet", "1.parquet"]
    _put(store, "watches/1.parquet", pl.concat([frame, frame]))
    assert fetch() == target
    assert copied == ["0.parquet", "1.parquet", "1.parquet"]
    assert pl.read_parquet(target / "watches").height == 3
    store.rm("/bucket/logs/watches/0.parquet")
    fetch()
    assert pl.read_parquet(target / "watches").height == 2


def test_messages_call_a_file_as_it_was_given(store, tmp_path):
    _put(store, "watches.parquet", pl.DataFrame({"user_id": ["a"], "video_id": ["v"]}))
    with pytest.raises(errors.UserError, match=r"time in .*watches\.parquet"):
        prepare.prepare(_config(URL), tmp_path / "data")
    bad = pl.DataFrame({"user_id": ["a"], "video_id": [None], "time": [5]})
    bad = bad.with_columns(pl.col("video_id").cast(pl.String))
    _put(store, "watches.parquet", bad)
    with pytest.raises(errors.UserError, match=f"row 1 of {URL}/watches.parquet"):
        prepare.prepare(_config(URL), tmp_path / "data")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nothing/here", "no table there"),
        ("nosuchstore://bucket", "an address that fsspec supports"),
    ],
)
def test_what_is_not_reached_is_one_line(store, tmp_path, url, message):
    with pytest.raises(errors.UserError, match=message):
        prepare.prepare(_config(url), tmp_path / "data")


def test_a_name_that_leads_out_of_the_directory_is_refused(
    store, tmp_path, monkeypatch
):
    name = "/bucket/logs/watches/../../../evil.parquet"
    monkeypatch.setattr(store, "find", lambda *_, **__: {name: {"size": 1}})
    with pytest.raises(errors.UserError, match=r"found 'watches/\.\./.*leads out of"):
        remote.fetched(URL, ["watches"], tmp_path / "cache")
    assert not list(tmp_path.rglob("evil*"))
