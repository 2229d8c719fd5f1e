"""What `ytdnn index add` says; what it does is tested in tests/bundle."""

from typing import Any

import pytest

from ytdnn.ops.catalogue import add_videos
from ytdnn.run import pipeline
from ytdnn.run.cli import main


def said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    share: float = 0.02,
    version: int | None = 2,
    **changed: Any,
) -> list[str]:
    values = {"known": [], "removed": [], "unread": [], "dropped": {}}
    values |= {"num_added": 3} | changed
    found = add_videos.TableResult(**values)
    monkeypatch.setattr(
        pipeline,
        "add_videos",
        lambda *_, **__: add_videos.AdditionResult(found, version, share),
    )
    assert main.main(["index", "add", "--workdir=runs/a", "--file=new.csv"]) == 0
    return capsys.readouterr().out.splitlines()


def test_what_was_added(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(monkeypatch, capsys) == [
        "added videos: 3, 2.0% of the built index",
        "bundle: runs/a/bundle, version 2",
    ]


def test_what_was_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(
        monkeypatch,
        capsys,
        share=0.3,
        version=None,
        known=["a"],
        removed=["b"],
        unread=list("cdefgh"),
    ) == [
        "columns that the catalogue lacks, not read: 6 (c, d, e, f, g, …)",
        "in the catalogue already, left as they are: 1 (a)",
        "removed from all answers, and stay so: 1 (b)",
        "added videos: 3, 30.0% of the built index",
        "no bundle yet: the change is kept for the next export",
    ]


def test_columns_and_bad_rows_reach_the_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}
    found = add_videos.TableResult([], [], [], {"videos.age is below 0": 2}, 1)

    def add(*_: Any, **keywords: Any) -> add_videos.AdditionResult:
        given.update(keywords)
        return add_videos.AdditionResult(found, 2, 0.01)

    monkeypatch.setattr(pipeline, "add_videos", add)
    flags = ["--columns=videos.title=a, b,videos.topic=t", "--bad_rows=drop"]
    assert main.main(["index", "add", "--workdir=a", "--file=n.csv", *flags]) == 0
    assert given["columns"] == ["videos.title=a, b", "videos.topic=t"]
    assert given["bad_rows"] == "drop"
    assert "dropped: videos.age is below 0: 2 rows" in capsys.readouterr().out
