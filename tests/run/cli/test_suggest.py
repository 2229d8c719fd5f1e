"""`ytdnn check --suggest`, and commands that take its file."""

import pathlib

import pytest

from tests import alien_log, small_log
from tests.run.cli import conftest
from ytdnn.log import prepared
from ytdnn.log.sources import mappings
from ytdnn.run.cli import flags, given_settings


def test_the_proposal_for_an_alien_log_prepares_it(
    cli: conftest.Cli, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alien_log.write(tmp_path / "log")
    monkeypatch.chdir(tmp_path)
    found = cli.document("check", "--suggest", f"--data_dir={tmp_path / 'log'}")
    assert found["suggestion"]["left"] == {}
    given = mappings.from_toml(pathlib.Path("columns.toml"))["columns"]
    by_hand = alien_log.FLAGS.removeprefix("--columns=")
    entries = [given_settings.entries("data.columns", c) for c in (given, by_hand)]
    assert sorted(entries[0]) == sorted(entries[1])
    log = ("--source=log", f"--data_dir={tmp_path / 'log'}")
    columns = "--columns=columns.toml"
    assert cli("prepare", *log, columns, f"--workdir={tmp_path / 'run'}").status == 0
    assert prepared.load(tmp_path / "run" / "data").num_users == 60
    # What is given is taken as it is.
    mine = "--columns=watches.watch_seconds=secs watched*60"
    pathlib.Path("columns.toml").unlink()
    found = cli.document("check", "--suggest", f"--data_dir={tmp_path / 'log'}", mine)
    assert found["suggestion"]["columns"][0]["own"] == "secs watched*60"
    pathlib.Path("columns.toml").unlink()
    assert cli("check", "--suggest", f"--data_dir={tmp_path / 'log'}").status == 0
    # A changed file is kept, the same one is written again.
    assert cli("check", "--suggest", f"--data_dir={tmp_path / 'log'}").status == 0
    with open("columns.toml", "a") as file:
        file.write("# mine\n")
    error = cli.error("check", "--suggest", f"--data_dir={tmp_path / 'log'}")
    assert "found one that differs: use it with --columns=columns.toml" in error


def test_what_is_missing_is_said_and_no_next_command(
    cli: conftest.Cli, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small_log.watches().drop("time").write_csv(tmp_path / "watches.csv")
    said = cli.ok("check", "--suggest", f"--data_dir={tmp_path}")
    assert "missing: watches.time: name it in columns.toml, then" in said.out
    assert "next: " not in said.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[watches\n", "could not read it: "),
        ("[watches]\ntime = 3\n", "watches.time is 3, no text"),
        ('dirr = "x"\n', "there is no setting config.data.dirr: did you mean"),
        ('[watches]\ntme = "t"\n', "did you mean time"),
    ],
)
def test_a_file_of_columns_that_is_none_is_refused(
    cli: conftest.Cli, tmp_path: pathlib.Path, text: str, message: str
) -> None:
    (tmp_path / "watches.csv").write_text(small_log.WATCHES)
    (tmp_path / "c.toml").write_text(text)
    log = ("--source=log", f"--data_dir={tmp_path}")
    assert message in cli("check", *log, f"--columns={tmp_path / 'c.toml'}").err + (
        cli("check", *log, f"--columns={tmp_path / 'c.toml'}").out
    )


def test_commands_without_settings_take_its_names_too(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        '[files]\nwatches = "w"\n[watches]\ntime = "t"\n[videos]\ntopic = "k"'
    )
    values = {"columns": str(path)}
    assert flags.mapping(values) == (
        ["watches.time=t", "videos.topic=k"],
        ["watches=w"],
    )
    assert flags.mapping(values, ["videos"]) == (["videos.topic=k"], ["watches=w"])
    assert flags.mapping({"columns": "videos.topic=k"}) == (["videos.topic=k"], [])


def test_the_example_of_the_documents_is_read(tmp_path: pathlib.Path) -> None:
    page = pathlib.Path(__file__).parents[3] / "docs" / "sources.md"
    example = page.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    assert 0 < len(example.splitlines()) <= 8
    (tmp_path / "columns.toml").write_text(example)
    read = mappings.from_toml(tmp_path / "columns.toml")
    assert {"files", "columns", "where"} == read.keys()
    columns = given_settings.entries("data.columns", read["columns"])
    assert mappings.parse_columns(columns)["videos"] == {"genres": "genres split |"}
