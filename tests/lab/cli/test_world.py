"""`ytdnn world`: tables, a page, and mistakes in one line."""

import pathlib

import polars as pl

from tests.run.cli import conftest

SMALL = (
    "--config.data.world.num_users=60",
    "--config.data.world.num_videos=90",
    "--config.data.world.num_topics=3",
)


def test_tables_and_page_are_written_and_said(
    cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "log"
    result = cli.ok("world", "--preset=tiny", f"--out={out}", *SMALL)
    assert "60 users" in result.out
    assert f"next: ytdnn run --source=world --data_dir={out}" in result.out
    assert pl.read_parquet(out / "users" / "*.parquet").height == 60
    assert "<svg" in (out / "world.html").read_text()


def test_the_same_settings_give_the_same_bytes(
    cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    for name in ("one", "two"):
        cli("world", "--preset=tiny", f"--out={tmp_path / name}", *SMALL)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 7  # five tables, manifest, page


def test_a_written_world_is_replaced_and_other_things_are_not(
    cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "log"
    assert cli("world", "--preset=tiny", f"--out={out}", *SMALL).status == 0
    assert cli("world", "--preset=tiny", f"--out={out}", *SMALL).status == 0
    assert "found other files" in cli.error(
        "world", "--preset=tiny", f"--out={tmp_path}", *SMALL
    )
    assert (out / "world.html").exists()
