"""Removed videos appear in no answer, and come back as they were."""

import json
import os
import pathlib
import shutil

import pytest

from tests.bundle import conftest
from ytdnn.base import artifacts, errors, schema
from ytdnn.bundle import bundle, export, removed_videos, user_requests, versions
from ytdnn.ops.catalogue import remove_videos


@pytest.fixture
def workdir(run: conftest.Run, tmp_path: pathlib.Path) -> pathlib.Path:
    """A run's directory with a bundle of its own."""
    shutil.copytree(run.bundle.directory, tmp_path / "bundle")
    return tmp_path


def asked(run: conftest.Run) -> list[dict]:
    some = [user_requests.at_end(run.data, f"u{i}", k=15) for i in range(4)]
    allowed = {schema.ALLOW_IDS: [f"video {i}" for i in range(30)], schema.K: 30}
    return [*some, {}, allowed]


def found(opened: bundle.Bundle, run: conftest.Run, exact: bool) -> list[list[str]]:
    return [answer.video_ids for answer in opened.answer(asked(run), exact)]


@pytest.mark.thorough
@pytest.mark.parametrize("exact", [True, False])
def test_removed_videos_are_in_no_answer_and_come_back(
    run: conftest.Run, workdir: pathlib.Path, exact: bool
) -> None:
    before = found(run.bundle, run, exact)
    removed = sorted({row[0] for row in before} | {row[1] for row in before})
    changed = remove_videos.change(workdir, removed)
    assert (changed.version, changed.unknown) == (2, [])
    opened = bundle.load(workdir / "bundle")
    assert opened.version == 2
    after = found(opened, run, exact)
    for old, new in zip(before, after, strict=True):
        assert not set(new) & set(removed)
        kept = [video for video in old if video not in removed]
        both = [video for video in kept if video in new]
        assert [video for video in new if video in kept] == both
        # Another source's next video may take the place of the last candidate.
        assert len(both) >= len(kept) - 1
        assert len(new) >= min(10, len(kept))
    assert found(bundle.load(workdir / "bundle", version=1), run, exact) == before
    assert remove_videos.change(workdir, removed, restored=True).version == 3
    assert found(bundle.load(workdir / "bundle"), run, exact) == before
    assert opened.manifest.facts[removed_videos.FACT] == len(removed)
    assert bundle.load(workdir / "bundle").manifest.inputs == run.bundle.manifest.inputs


def test_a_removal_costs_no_more_than_links(workdir: pathlib.Path) -> None:
    remove_videos.change(workdir, ["video 1", "no such video"])
    for name in versions.read(workdir / "bundle", "bundle", deep=True).files:
        part, _, rest = name.partition("/2/")
        same = os.path.samefile(*(workdir / "bundle" / part / n / rest for n in "12"))
        assert same == (pathlib.PurePath(name).name != removed_videos.ASSET)
    assert remove_videos.change(workdir, ["video 1"]).version == 2  # nothing changed
    added = remove_videos.change(workdir, ["video 1", "another"])
    assert (added.version, added.unknown) == (3, ["another"])


@pytest.mark.thorough
def test_the_next_export_carries_the_list(
    run: conftest.Run, tmp_path: pathlib.Path
) -> None:
    for name in ("data", "candidates", "index", "ranking"):
        artifacts.share(run.workdir / name, tmp_path / name)
    changed = remove_videos.change(tmp_path, ["video 3", "no such video"])
    assert changed.version is None
    export.export(tmp_path, run.config)
    opened = bundle.load(tmp_path / "bundle")
    assert opened.manifest.inputs[removed_videos.FACT] == artifacts.fingerprint(
        changed.video_ids
    )
    (answer,) = opened.answer([{schema.ALLOW_IDS: ["video 3", "video 4"]}], exact=True)
    assert answer.video_ids == ["video 4"]


def test_mistakes_are_one_line(workdir: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"\(0 are removed\), received video 1"):
        remove_videos.change(workdir, ["video 1"], restored=True)
    (workdir / removed_videos.FILE).write_text(json.dumps(["video 1"]))
    with pytest.raises(errors.UserError, match="repair or remove it"):
        removed_videos.read(workdir)
