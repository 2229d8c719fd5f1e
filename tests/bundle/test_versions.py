"""Versions that count up: published whole or not at all, killed at any point."""

import json
import os
import pathlib
import shutil
from typing import Any

import pytest

from ytdnn.base import artifacts, errors, whole_files
from ytdnn.bundle import versions

LARGE = "x" * 5_000


@pytest.fixture(autouse=True)
def unflushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the calls of fsync, and spares the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def publish(directory: pathlib.Path, text: str, large: str = LARGE) -> None:
    facts: dict[str, Any] = {"text": text}
    with versions.publish(directory, "bundle", {}, {}, facts) as draft:
        for name in ("a", "b"):
            place = draft.part(name) / "variables"
            place.mkdir(parents=True)
            (place / "small").write_text(f"{name} {text}")
            (place / "large").write_text(large)
        (draft.common / "titles").write_text(text)


def content(directory: pathlib.Path, version: int | None = None) -> str:
    """Returns what a version holds, after a check of every file."""
    number = versions.read(directory, "bundle", version, deep=True).facts["version"]
    text = (directory / "versions" / str(number) / "titles").read_text()
    for name in ("a", "b"):
        small = directory / name / str(number) / "variables" / "small"
        assert small.read_text() == f"{name} {text}"
    return text


def test_numbers_count_up_and_earlier_versions_stay(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle"
    assert versions.numbers(bundle) == []
    for text in ("one", "two", "three"):
        publish(bundle, text)
    assert versions.numbers(bundle) == [1, 2, 3]
    assert content(bundle) == "three"
    assert [content(bundle, n) for n in (1, 2, 3)] == ["one", "two", "three"]
    assert sorted(path.name for path in (bundle / "a").iterdir()) == ["1", "2", "3"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_equal_files_lie_on_disk_once(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle"
    publish(bundle, "one")
    publish(bundle, "two")
    publish(bundle, "three", large="y" * 5_000)
    large = [bundle / p / str(n) / "variables/large" for p in "ab" for n in (1, 2, 3)]
    assert len({path.stat().st_ino for path in large}) == 2
    assert len({path.stat().st_ino for path in bundle.glob("*/*/variables/small")}) == 6


def test_what_is_not_kept_is_gone(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle"
    for text in ("one", "two", "three"):
        publish(bundle, text)
    assert versions.prune(bundle, 2) == [1]
    assert versions.numbers(bundle) == [2, 3]
    assert not (bundle / "a" / "1").exists()
    assert versions.prune(bundle, 9) == []
    assert content(bundle, 2) == "two"
    publish(bundle, "four")  # a number is never used again
    assert versions.numbers(bundle) == [2, 3, 4]
    with pytest.raises(
        errors.UserError, match=r"version of .* \(2, 3, 4\), received 1"
    ):
        versions.read(bundle, "bundle", 1)
    with pytest.raises(errors.UserError, match="--keep to be 1 or more, received 0"):
        versions.prune(bundle, 0)


class Killed(BaseException):
    """As a signal would: nothing catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Lets the process end at one of the calls that change or flush the disk."""
    steps: list[str] = []

    def counted(name: str, function: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            steps.append(name)
            if len(steps) == step:
                raise Killed
            return function(*given, **more)

        return call

    for name in ("rename", "replace", "fsync", "link", "mkdir", "rmdir"):
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    monkeypatch.setattr(shutil, "rmtree", counted("rmtree", shutil.rmtree))
    return steps


def whole_parts(bundle: pathlib.Path) -> bool:
    """Whether every directory that a server would load is whole."""
    found = [path for name in "ab" for path in (bundle / name).glob("[0-9]*")]
    assert found
    return all(
        (path / "variables" / file).stat().st_size > 3
        for path in found
        for file in ("small", "large")
    )


def test_killed_at_any_point_it_leaves_a_whole_version(tmp_path: pathlib.Path) -> None:
    seen = set()
    for step in range(1, 1_000):
        bundle = tmp_path / str(step) / "bundle"
        publish(bundle, "old")
        with pytest.MonkeyPatch.context() as patch:
            steps = kill_at(patch, step)
            try:
                publish(bundle, "new")
            except Killed:
                pass
            else:
                break
        found = content(bundle)
        seen.add(found)
        assert whole_parts(bundle)
        assert content(bundle, 1) == "old"
        publish(bundle, "newest")
        assert content(bundle) == "newest"
        held = versions.numbers(bundle)
        assert held == ([1, 2, 3] if found == "new" else held)
        for part in ("a", "b", "versions"):
            names = {int(path.name) for path in (bundle / part).iterdir()}
            assert names == set(held), steps[-1]
        shutil.rmtree(bundle.parent)
    assert seen == {"old", "new"}
    assert step > 30


def test_a_reader_meets_a_new_version_while_it_reads(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle"
    publish(bundle, "old")
    check = whole_files.sha256
    published = []

    def checked(path: pathlib.Path) -> str:
        if not published:
            published.append(True)
            publish(bundle, "new")
            versions.prune(bundle, 1)
        return check(path)

    monkeypatch.setattr(whole_files, "sha256", checked)
    assert versions.read(bundle, "bundle", deep=True).facts["text"] == "new"


def test_a_revision_is_links_but_for_what_changes(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle"
    publish(bundle, "one")
    old = versions.read(bundle, "bundle")
    texts = {"small": " two", "titles": "two"}

    def changed(path: pathlib.PurePosixPath) -> bytes | None:
        part = path.parts[0] if path.name == "small" else ""
        is_new = path.name in texts
        return (part + texts[path.name]).encode() if is_new else None

    assert versions.revise(bundle, old, changed) == 2
    assert (content(bundle, 1), content(bundle)) == ("one", "two")
    parts = [bundle / "a" / n / "variables" for n in "12"]
    assert os.path.samefile(*(part / "large" for part in parts))
    assert not os.path.samefile(*(part / "small" for part in parts))


def test_one_without_versions_is_published_over(tmp_path: pathlib.Path) -> None:
    with artifacts.publish(tmp_path / "bundle", "bundle", {}, {}) as partial:
        (partial / "a" / "1").mkdir(parents=True)
        (partial / "a" / "1" / "file").write_text("a")
    publish(tmp_path / "bundle", "new")
    assert content(tmp_path / "bundle") == "new"
    assert versions.numbers(tmp_path / "bundle") == [2]  # 1 may have been loaded


@pytest.mark.parametrize("name", ["../data/rows", "/etc/passwd", "a/../../b"])
def test_a_manifest_that_names_a_file_outside_is_refused(
    tmp_path: pathlib.Path, name: str
) -> None:
    publish(tmp_path / "bundle", "one")
    with artifacts.publish(tmp_path / "data", "data", {}, {}) as partial:
        (partial / "rows").write_text("rows")
    for kind, read in (("bundle", versions.read), ("data", artifacts.read_manifest)):
        path = tmp_path / kind / "manifest.json"
        values = json.loads(path.read_text())
        values["files"][name] = {"bytes": 4, "sha256": ""}
        values["checksum"] = ""  # as of a manifest of before
        path.write_text(json.dumps(values))
        with pytest.raises(
            errors.UserError, match=r"expected files inside .*, found"
        ) as e:
            read(tmp_path / kind, kind)
        assert "\n" not in str(e.value)
