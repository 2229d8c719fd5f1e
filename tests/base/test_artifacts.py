"""An artefact that stands in two places, or was made by another version."""

import json
import os
import pathlib
import time

import pytest

from ytdnn import configs
from ytdnn.base import artifacts, errors, whole_files


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


def test_a_file_is_hashed_again_only_where_it_has_changed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    digest = whole_files.sha256

    def counted(path: pathlib.Path) -> str:
        hashed.append(path.name)
        return digest(path)

    publish(tmp_path / "data", "one")
    rows = tmp_path / "data" / "part" / "rows"
    monkeypatch.setattr(whole_files, "sha256", counted)
    artifacts.read_manifest(tmp_path / "data", "data")
    artifacts.read_manifest(tmp_path / "data", "data")
    assert hashed == ["rows", "rows"]  # written just now
    monkeypatch.setattr(whole_files, "_SETTLED_NS", 0)
    artifacts.read_manifest(tmp_path / "data", "data")
    artifacts.read_manifest(tmp_path / "data", "data")
    assert hashed == ["rows"] * 3
    artifacts.read_manifest(tmp_path / "data", "data", deep=True)
    assert hashed == ["rows"] * 4
    time.sleep(0.05)  # longer than a tick of the file system's clock
    rows.write_text("two")
    with pytest.raises(errors.UserError, match="SHA-256 differs"):
        artifacts.read_manifest(tmp_path / "data", "data")


def test_settings_of_another_version_are_one_line_that_says_what_to_run(
    tmp_path: pathlib.Path,
) -> None:
    old = {"candidates": {"loss": "full_softmax", "label_smoothing": 0.1}, "seed": 0}
    for kind, command in (("candidates", "train"), ("data", "prepare")):
        directory = tmp_path / kind
        with artifacts.publish(directory, kind, old, {}):
            pass
        manifest = artifacts.read_manifest(directory, kind)
        message = (
            rf"manifest.json, found .*candidates.loss.*run `ytdnn {command}` again"
        )
        with pytest.raises(errors.UserError, match=message) as caught:
            artifacts.read_config(manifest, directory, configs.Config)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("data", "prepare"),
        ("candidates", "train"),
        ("ranking", "train"),
        ("evaluation", "evaluate"),
        ("bundle", "export"),
    ],
)
def test_another_format_is_one_line_that_says_what_to_run(
    tmp_path: pathlib.Path, kind: str, command: str
) -> None:
    with artifacts.publish(tmp_path / kind, kind, {}, {}):
        pass
    path = tmp_path / kind / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))
    version = artifacts.FORMAT_VERSION
    message = (
        f"format version {version} in .*, found 2, .*: run `ytdnn {command}` again$"
    )
    with pytest.raises(errors.UserError, match=message):
        artifacts.read_manifest(tmp_path / kind, kind)


def test_the_target_of_a_link_is_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "far").mkdir()
    for name in ("some", "new"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
    (tmp_path / "far/some").write_text("old")
    for name in ("some", "new"):
        artifacts.write_text(tmp_path / name, "text")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "far" / name).read_text() == "text"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        *("far", "new", "new", "some", "some")
    ]


def test_the_settings_of_an_artefact_are_read_back(tmp_path: pathlib.Path) -> None:
    config = configs.Config(
        seed=3, index=configs.IndexConfig(search=configs.ExactConfig())
    )
    with artifacts.publish(tmp_path / "a", "index", configs.to_dict(config), {}):
        pass
    manifest = artifacts.read_manifest(tmp_path / "a", "index")
    assert artifacts.read_config(manifest, tmp_path / "a", configs.Config) == config


def test_one_flipped_bit_of_a_manifest_is_noticed(tmp_path: pathlib.Path) -> None:
    facts = {"auc": 0.75}
    with artifacts.publish(tmp_path / "ranking", "ranking", {"a": 1}, {}, facts):
        pass
    path = tmp_path / "ranking" / artifacts.MANIFEST
    artifacts.read_manifest(path.parent, "ranking")
    path.write_text(path.read_text().replace("0.75", "0.35"))
    with pytest.raises(errors.UserError, match="was changed since it was written"):
        artifacts.read_manifest(path.parent, "ranking")


def test_a_manifest_of_before_has_no_checksum(tmp_path: pathlib.Path) -> None:
    with artifacts.publish(tmp_path / "data", "data", {}, {}, {}):
        pass
    path = tmp_path / "data" / artifacts.MANIFEST
    values = json.loads(path.read_text())
    del values["checksum"]
    path.write_text(json.dumps(values))
    assert artifacts.read_manifest(path.parent, "data").kind == "data"
