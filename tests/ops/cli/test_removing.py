"""`ytdnn index remove` and `restore`, on a bundle of titles and lists alone."""

import json
import pathlib

import polars as pl
import pytest

from ytdnn import configs
from ytdnn.bundle import versions
from ytdnn.run.cli import main
from ytdnn.run.pipeline import workdir as run_workdir

Path = pathlib.Path

ASSET = "recommender/{}/assets/removed_videos.txt"


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    run_workdir.write_config(tmp_path, configs.Config())
    return tmp_path


@pytest.fixture
def bundle(workdir: Path) -> Path:
    directory = workdir / "bundle"
    with versions.publish(directory, "bundle", {}, {}, {"removed_videos": 0}) as draft:
        assets = draft.part("recommender") / "assets"
        assets.mkdir(parents=True)
        (assets / "removed_videos.txt").write_text("0\n")
        titles = pl.DataFrame({"video_id": [17, 42, 99, 100]})
        titles.write_parquet(draft.common / "titles.parquet")
    return directory


def test_removed_and_restored(
    workdir: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"--workdir={workdir}"
    assert main.main(["index", "remove", where, "--videos=42,100,5"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "not in the catalogue, kept for later exports: 1 (5)",
        "removed videos, all together: 3",
        f"bundle: {bundle}, version 2",
    ]
    assert (bundle / ASSET.format(2)).read_text() == "0\n2\n4\n"
    listed = json.loads((workdir / "removed_videos.json").read_text())
    assert listed == {"removed_videos": ["42", "100", "5"]}
    (workdir / "ids.txt").write_text("42\n5\n\n")
    assert main.main(["index", "restore", where, f"--file={workdir / 'ids.txt'}"]) == 0
    assert (bundle / ASSET.format(3)).read_text() == "0\n4\n"
    assert (bundle / ASSET.format(2)).read_text() == "0\n2\n4\n"
    assert versions.read(bundle, "bundle", deep=True).facts["removed_videos"] == 1


@pytest.mark.parametrize(
    ("named", "end"),
    [("typo,all", "received typo, none of them"), ("1000", "did you mean 100?")],
)
def test_ids_that_are_all_unknown_change_nothing(
    workdir: Path,
    bundle: Path,
    named: str,
    end: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["index", "remove", f"--workdir={workdir}", f"--videos={named}"]
    assert main.main(given) == 2
    error = capsys.readouterr().err
    assert "expected ids of the 4 videos of the catalogue, such as 17" in error
    assert error.endswith(f"{end}\n")
    assert versions.newest(bundle) == 1
    assert not (workdir / "removed_videos.json").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "expected --videos=ID,… or --file=FILE with ids in it"),
        (["--videos=,"], "expected --videos=ID,… or --file=FILE with ids in it"),
        (["--file=nowhere.txt"], "expected a file of ids in nowhere.txt, found "),
        (["--file={}/binary"], "expected text with an id a line in "),
    ],
)
def test_a_mistake_is_one_line(
    workdir: Path, arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "binary").write_bytes(b"\xff\xfe\x00")
    given = [one.format(workdir) for one in arguments]
    assert main.main(["index", "remove", f"--workdir={workdir}", *given]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_what_was_not_removed_is_not_restored(
    workdir: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["index", "restore", f"--workdir={workdir}", "--videos=17"]) == 2
    assert "received 17, which is not removed" in capsys.readouterr().err
    assert versions.numbers(bundle) == [1]


def test_a_workdir_without_a_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["index", "remove", f"--workdir={tmp_path}", "--videos=a"]) == 2
    assert "expected a run in" in capsys.readouterr().err
