"""Archives that mean harm: entries that leave the folder, bombs, links."""

import contextlib
import io
import pathlib
import tarfile
import zipfile

import pytest

from ytdnn.base import errors
from ytdnn.log.sources import archives

MEMBERS = ("ratings.csv",)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YTDNN_CACHE", str(tmp_path / "cache"))


def _zip(path: pathlib.Path, entries: dict[str, bytes]) -> pathlib.Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def _tar(path: pathlib.Path, *entries: tarfile.TarInfo) -> pathlib.Path:
    with tarfile.open(path, "w:gz") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


@pytest.mark.parametrize("name", ["../ratings.csv", "/etc/ratings.csv"])
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_nothing_is_written_outside_of_the_cache(
    tmp_path: pathlib.Path, name: str, kind: str
) -> None:
    path = tmp_path / f"log.{kind}"
    if kind == "zip":
        _zip(path, {name: b"x"})
    else:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        _tar(path, entry)
    with contextlib.suppress(errors.UserError):
        archives.directory_of(path, MEMBERS)
    unpacked = tmp_path / "cache" / "unpacked"
    paths = [*tmp_path.rglob("ratings.csv"), *pathlib.Path("/etc").glob("ratings.csv")]
    assert all(path.is_relative_to(unpacked) for path in paths)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archives, "_LEAST_CAP", 10_000)
    path, entry = tmp_path / f"log.{kind}", tarfile.TarInfo("ratings.csv")
    entry.size = 10_000_000
    if kind == "zip":
        _zip(path, {"ratings.csv": bytes(entry.size)})
    else:
        _tar(path, entry)
    words = f"times the size of {path} inside it, found 10,000,000 bytes: if you trust"
    with pytest.raises(errors.UserError, match=words):
        archives.directory_of(path, MEMBERS)
    assert [*(tmp_path / "cache" / "unpacked").iterdir()] == []


def test_a_link_of_a_tar_is_refused(tmp_path: pathlib.Path) -> None:
    entry = tarfile.TarInfo("ratings.csv")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    path = _tar(tmp_path / "log.tar.gz", entry)
    with pytest.raises(errors.UserError, match=r"found a damaged tar\.gz"):
        archives.directory_of(path, MEMBERS)


def test_other_entries_are_left_where_they_are(tmp_path: pathlib.Path) -> None:
    path = _zip(tmp_path / "log.zip", {"ml/ratings.csv": b"a", "../README": b"b"})
    found = archives.directory_of(path, MEMBERS)
    assert [p.name for p in found.rglob("*") if p.is_file()] == ["ratings.csv"]
