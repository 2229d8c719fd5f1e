"""`recommend --users`, `similar` and `vectors` as typed, on a run of a few videos."""

import pathlib

import polars as pl
import pytest

import ytdnn
from tests import planted
from tests.run.cli import conftest


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("many")
    log = planted.write_log(directory / "log", integer_ids=True)
    watches = {"watches": pl.read_parquet(log / "watches.parquet")}
    config = planted.untaught_config()
    ytdnn.prepare(directory / "run", config, tables=watches)
    ytdnn.train(directory / "run", config)
    ytdnn.export(directory / "run", config)
    return directory / "run"


def test_recommend_users(
    run: pathlib.Path, tmp_path: pathlib.Path, cli: conftest.Cli
) -> None:
    out = tmp_path / "recs.parquet"
    said = cli.ok(
        "recommend", f"--workdir={run}", "--users=all", "--k=3", f"--out={out}"
    )
    first, meaning = said.out.splitlines()
    assert first.startswith(f"{out}: 180 rows of 60 users in ")
    assert meaning == "score: dot product of user and video vector, bias included"
    assert pl.read_parquet_metadata(out)["score"] in meaning
    found = pl.read_parquet(out)
    assert found.columns == ["user_id", "rank", "video_id", "score"]
    assert found.schema["video_id"] == pl.Int64
    (tmp_path / "some.csv").write_text("user_id\nu9\nu1\n")
    cli(
        "recommend",
        f"--bundle={run / 'bundle'}",
        f"--users={tmp_path / 'some.csv'}",
        "--k=3",
        f"--out={out}",
    )
    some = pl.read_parquet(out)
    assert some["user_id"].unique(maintain_order=True).to_list() == ["u9", "u1"]
    of_one = pl.col("user_id") == "u1"
    assert some.filter(of_one)["video_id"].equals(found.filter(of_one)["video_id"])


def test_similar(run: pathlib.Path, tmp_path: pathlib.Path, cli: conftest.Cli) -> None:
    shown = cli.ok("similar", f"--workdir={run}", "--video=17", "--k=2")
    assert "Similar to 17" in shown.out
    out = tmp_path / "similar.csv"
    assert cli("similar", f"--workdir={run}", "--all", "--k=2", f"--out={out}").out
    found = pl.read_csv(out).filter(pl.col("video_id") == 17)
    assert all(str(i) in shown.out for i in found["similar_video_id"].to_list())


def test_removed_videos_are_in_no_list(
    run: pathlib.Path, tmp_path: pathlib.Path, cli: conftest.Cli
) -> None:
    out = tmp_path / "recs.parquet"
    where = f"--workdir={run}"
    cli("recommend", where, "--users=all", "--k=1", f"--out={out}")
    gone = pl.read_parquet(out)["video_id"].unique().to_list()
    cli("index", "remove", where, f"--videos={','.join(map(str, gone))}")
    try:
        cli("recommend", where, "--users=all", "--k=40", f"--out={out}")
        assert not set(gone) & set(pl.read_parquet(out)["video_id"].to_list())
        cli("similar", where, "--all", "--k=40", f"--out={out}")
        assert not set(gone) & set(pl.read_parquet(out)["similar_video_id"].to_list())
        cli("vectors", where, "--videos=all", f"--out={out}")
        assert not set(gone) & set(pl.read_parquet(out)["video_id"].to_list())
    finally:
        cli("index", "restore", where, f"--videos={','.join(map(str, gone))}")


def test_vectors(run: pathlib.Path, tmp_path: pathlib.Path, cli: conftest.Cli) -> None:
    out = tmp_path / "vectors.parquet"
    said = cli("vectors", f"--workdir={run}", "--users=all", f"--out={out}")
    assert said.out.splitlines()[1] == (
        "vector: 9 of float32; user · video is the candidate score; coordinate 9 is a "
        "video's bias, and 1 of every user"
    )
    assert pl.read_parquet(out).height == 60


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("recommend --users=all", "expected --out=FILE.parquet|FILE.csv with --users"),
        ("recommend --noranker", "expected --users=all|FILE with --noranker, received"),
        ("recommend --user=u1 --out=r.csv", "--out is for --users=all|FILE, which"),
        ("similar --video=1 --all", "expected --video=VIDEO_ID, or --all with --out="),
        ("vectors --users=all --videos=all --out=v.pq", "expected --users=all|FILE or"),
    ],
)
def test_a_mistake_is_one_line(cli: conftest.Cli, command: str, line: str) -> None:
    name, *flags = command.split()
    assert cli.error(name, "--workdir=nowhere", *flags).startswith(line)
