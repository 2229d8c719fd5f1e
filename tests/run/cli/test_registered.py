"""Commands of a package: run, in the help, and one that cannot be imported."""

import pathlib

import pytest

from tests import extras, full_log
from ytdnn.run.cli import main


def test_a_command_of_a_package_runs(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "package").mkdir()
    data = full_log.prepared_data(tmp_path / "run", full_log.tables())
    with extras.installed(tmp_path / "package"):
        assert main.main(["list", "users", f"--workdir={data.directory.parent}"]) == 0
        assert capsys.readouterr().out.split() == data.users["user_id"].to_list()
        assert main.main(["--help"]) == 0
        assert "the users of a prepared set" in capsys.readouterr().out
        assert main.main(["list", "users"]) == 2
        assert "expected --workdir" in capsys.readouterr().err
    assert main.main(["list", "users"]) == 2
    assert "expected a command" in capsys.readouterr().err


def test_a_command_of_a_file_runs(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.py"
    file.write_text((extras.EXAMPLES / "ytdnn_extras" / "list_users.py").read_text())
    data = full_log.prepared_data(tmp_path / "run", full_log.tables())
    flags = [f"--config.extensions={file}", f"--workdir={data.directory.parent}"]
    with extras.registered():
        assert main.main(["list", "users", *flags]) == 0
    assert capsys.readouterr().out.split() == data.users["user_id"].to_list()


def test_a_package_that_fails_hinders_no_other_command(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with extras.installed(tmp_path):
        (tmp_path / "ytdnn_extras" / "list_users.py").write_text("import nowhere")
        assert main.main(["--help"]) == 0
        assert "list users" in capsys.readouterr().out
        assert main.main(["list", "users"]) == 2
        assert "ytdnn-extras 1.0" in capsys.readouterr().err
