"""Frames made one after the other, some at a time."""

import pathlib
import threading

import polars as pl

from ytdnn.bundle import answer_files

SCHEMA: dict[str, pl.DataType] = {"first": pl.Int64()}


def stream(make, number: int) -> answer_files.Stream:
    asked = type("Asked", (), {"notes": [], "__len__": lambda self: number})()
    return answer_files.Stream(asked, SCHEMA, make, 10, {"first": "of each part"})


def frame(part: slice) -> pl.DataFrame:
    return pl.DataFrame({"first": [part.start]})


def test_frames_come_in_order_though_the_first_is_the_slowest() -> None:
    second_is_made = threading.Event()

    def make(part: slice) -> pl.DataFrame:
        if part.start == 0:
            assert second_is_made.wait(10.0)
        if part.start == 10:
            second_is_made.set()
        return frame(part)

    found = stream(make, 75).whole()
    assert found["first"].to_list() == [0, 10, 20, 30, 40, 50, 60, 70]


def test_few_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []

    def make(part: slice) -> pl.DataFrame:
        made.append(part.start)
        return frame(part)

    frames = stream(make, 1_000).frames()
    next(frames)
    assert len(made) <= 4
    frames.close()
    assert len(made) <= 4


def test_the_target_of_a_link_is_written(tmp_path: pathlib.Path) -> None:
    link, target = tmp_path / "lists.csv", tmp_path / "far/lists.csv"
    link.symlink_to(target)
    answer_files.require_path(link)  # which makes the folder
    stream(frame, 20).write(link)
    assert link.is_symlink()
    assert target.read_text() == "first\n0\n10\n"
    assert [path.name for path in target.parent.iterdir()] == ["lists.csv"]
