"""An artefact that stands in two places."""

import os
import pathlib

import pytest

from ytdnn import artifacts


def publish(directory: pathlib.Path, content: str) -> None:
    with artifacts.publish(directory, "data", {"content": content}, {}) as partial:
        (partial / "part").mkdir()
        (partial / "part" / "rows").write_text(content)


def read(directory: pathlib.Path) -> str:
    artifacts.read_manifest(directory, "data", deep=True)
    return (directory / "part" / "rows").read_text()


def test_a_shared_artefact_lies_on_disk_once(tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "a" / "data", tmp_path / "b" / "data"
    publish(first, "one")
    publish(second, "what stood there")
    artifacts.share(first, second)
    assert read(second) == "one"
    assert os.path.samefile(first / "part" / "rows", second / "part" / "rows")
    assert [path.name for path in second.parent.iterdir()] == ["data"]


def test_made_again_it_leaves_the_other_as_it_was(tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "a" / "data", tmp_path / "b" / "data"
    publish(first, "one")
    artifacts.share(first, second)
    publish(first, "two")
    assert (read(first), read(second)) == ("two", "one")


def test_without_hard_links_it_is_copied(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    first, second = tmp_path / "a" / "data", tmp_path / "b" / "data"
    publish(first, "one")
    artifacts.share(first, second)
    assert read(second) == "one"
    assert not os.path.samefile(first / "part" / "rows", second / "part" / "rows")
    made = [(path / "manifest.json").stat().st_mtime for path in (first, second)]
    assert made[0] == made[1]  # its age is what newer sources are told by
