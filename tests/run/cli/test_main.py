"""Help, and the one line of each mistake."""

import errno
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref

import polars as pl
import pytest
import tensorflow as tf

from tests import small_log as logs
from tests.run.cli import conftest, fakes
from ytdnn import __main__, configs
from ytdnn.base import errors
from ytdnn.run.cli import command as command_room
from ytdnn.run.cli import failures, main, settings_catalogue
from ytdnn.run.pipeline import workdir

Cli = conftest.Cli
Path = pathlib.Path
MonkeyPatch = pytest.MonkeyPatch

NAMES = [command.name for command in main.COMMANDS]


def test_the_commands_of_the_design_are_there() -> None:
    assert set(NAMES) == {
        "prepare",
        "check",
        "train",
        "cluster",
        "evaluate",
        "export",
        "refit",
        "refresh",
        "index add",
        "index remove",
        "index restore",
        "recommend",
        "similar",
        "vectors",
        "parts",
        "serve",
        "counters",
        "join-log",
        "run",
        "index tune",
        "experiments",
        "compare",
        "study",
        "sweep",
        "backtest",
        "world",
        "live",
    }


def test_help_names_every_command_with_an_example(cli: Cli) -> None:
    result = cli.ok("--help")
    for command in main.COMMANDS:
        assert command.summary in result.out
        assert f"ytdnn {command.name} --" in result.out
    assert cli().out == result.out


@pytest.mark.parametrize("command", main.COMMANDS, ids=NAMES)
def test_help_of_a_command_is_complete(cli: Cli, command: command_room.Command) -> None:
    out = cli(*command.name.split(), "--help").out
    for flag in command.flags:
        assert f"\n  --{flag.name}{'' if flag.is_switch else '='}" in out
    for key in settings_catalogue.catalogue():
        if key.split(".")[0] in command.groups:
            assert re.search(rf"\n +{re.escape(key)}=", out)


def test_help_of_run_lists_every_setting(cli: Cli) -> None:
    out = cli("run", "--help").out
    for setting in settings_catalogue.listed():
        assert re.search(rf"\n +{re.escape(setting.key)}=", out)
        assert setting.text.split()[0].replace("`", "") in out


def test_help_lists_every_kind_of_a_choice_with_its_settings(cli: Cli) -> None:
    out = cli("train", "--help").out
    for choice, kinds in configs.choices().items():
        for kind, cls in kinds.items():
            _, heading, rest = out.partition(f"\n      --config.{choice}={kind}\n")
            below = re.split(r"\n {0,6}(?=\S)", rest)[0]
            shown = re.findall(rf"^ {{10}}{re.escape(choice)}\.(\w+)=", below, re.M)
            assert heading
            assert shown == configs.own_settings(cls)


def test_every_setting_is_described() -> None:
    for setting in settings_catalogue.listed():
        assert setting.text.endswith("."), setting


def test_every_alias_fills_a_setting() -> None:
    for command in main.COMMANDS:
        for flag in command.flags:
            assert set(flag.settings("videos.genre")) <= set(
                settings_catalogue.catalogue()
            )


def test_help_comes_at_once_and_without_tensorflow(repository: Path) -> None:
    program = (
        "import sys\n"
        "from ytdnn.run.cli import main\n"
        "status = main.main(['--help'])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.exit(status)\n"
    )
    before = os.times()
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
    )
    seconds = os.times().children_user - before.children_user
    assert result.stderr == ""
    assert seconds < 2.0  # of the processor: other tests may share the machine


MISTAKES = [
    (
        ["prepre"],
        "expected a command (run, prepare, check, train, evaluate, compare, "
        "export, recommend, similar, vectors, parts, experiments, live, study, sweep, "
        "backtest, index tune, world, cluster, index add, index remove, index restore, "
        "refit, refresh, counters, join-log, serve), received 'prepre': did you mean "
        "prepare? (ytdnn --help)",
    ),
    (["run"], "expected --workdir=DIR, received none (ytdnn run --help)"),
    (
        ["run", "--workdir=W", "--sorce=log"],
        "ytdnn run has no flag --sorce: did you mean --source? (ytdnn run --help)",
    ),
    (
        ["run", "--workdir=W", "--name=a", "--name=a", "--workdir=V"],
        "expected --workdir once, received 'W' and 'V': leave one out",
    ),
    (
        ["run", "--workdir=W", "extra"],
        "expected flags as --NAME=VALUE, received 'extra' (ytdnn run --help)",
    ),
    (
        ["run", "--workdir", "--source=log"],
        "expected a value after --workdir, received --source=log (ytdnn run --help)",
    ),
    (
        ["run", "--workdir=W", "--config.candidates.embeding_dim=8"],
        "there is no setting config.candidates.embeding_dim: did you mean "
        "--config.candidates.embedding_dim? (ytdnn run --help lists all)",
    ),
    (
        ["run", "--workdir=W", "--config.embedding_dim=8"],
        "there is no setting config.embedding_dim: did you mean "
        "--config.candidates.embedding_dim or --config.ranking.embedding_dim? "
        "(ytdnn run --help lists all)",
    ),
    (
        ["run", "--workdir=W", "--config.candidates=8"],
        "expected a single setting, received the group --config.candidates: set "
        "its members, as --config.candidates.NAME=VALUE",
    ),
    (
        ["run", "--workdir=W", "--config.data.clicks_are_watches=maybe"],
        "expected config.data.clicks_are_watches to be true or false, received "
        "'maybe' (on the command line)",
    ),
    (
        ["run", "--workdir=W", "--config.candidates.tower=wide"],
        "expected config.candidates.tower.0 to be a whole number, received 'wide' (on "
        "the command line)",
    ),
    (["prepare", "--workdir="], "expected --workdir=DIR, received an empty text"),
    (
        ["prepare", "--source=log"],
        "expected --workdir=DIR, received none (ytdnn prepare --help)",
    ),
    (
        ["recommend", "--workdir=W", "--user=\udcff"],
        "expected arguments in UTF-8, received '--user=\\udcff'",
    ),
    (
        ["run", "--workdir=W", "--source=logs"],
        "expected config.data.source to be 'kuairand', 'log', 'movielens', 'world' or "
        "'tables', received 'logs' (on the command line)",
    ),
    (
        ["run", "--workdir=W", "--source=log", "--config.data.source=log"],
        "--source and --config.data.source are one setting: give one of them",
    ),
    (
        ["run", "--workdir=W", "--config=nowhere.py"],
        "expected a file or a run for --config, found none at nowhere.py",
    ),
    (
        ["train", "--workdir=W", "--stage=both"],
        "expected --stage to be one of candidates, index, ranking, received both",
    ),
]


@pytest.mark.parametrize(("argv", "line"), MISTAKES, ids=lambda v: str(v)[:60])
def test_a_mistake_is_one_line(
    cli: Cli, monkeypatch: MonkeyPatch, tmp_path: Path, argv: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.error(*argv) == line


CONFIG_FILES = {
    "x = (": "SyntaxError in FILE: '(' was never closed",
    "import nowhere": "line 1, in <module>: ModuleNotFoundError: No",
    "x = 1": "expected a function get_config() in --config=FILE, found none",
    "def get_config():\n    return 1 / 0": "line 2, in get_config: ZeroDivisionError",
    "def get_config():\n    return 3": "expected get_config() of FILE to return",
    "def get_config():\n    return {'sed': 1}": "there is no setting config.sed",
    "def get_config():\n    return {'seed': object}": "expected settings of plain",
    "from ytdnn import configs\ndef get_config():\n"
    "    return configs.TrainingConfig(epochs=0)": (
        "expected TrainingConfig.epochs to be greater than 0, received 0"
    ),
}


@pytest.mark.parametrize("text", CONFIG_FILES, ids=range(len(CONFIG_FILES)))
def test_a_bad_config_file_is_one_line(cli: Cli, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    error = cli.error("run", f"--workdir={tmp_path / 'w'}", f"--config={file}")
    assert CONFIG_FILES[text] in error.replace(str(file), "FILE")


def test_the_settings_of_a_run_are_a_config(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "watches.csv").write_text(logs.WATCHES.replace("time", "at"))
    one, two = tmp_path / "one", tmp_path / "two"
    columns = "--columns=watches.time=at"
    log = f"--data_dir={tmp_path / 'log'}"
    cli("prepare", "--source=log", log, columns, f"--workdir={one}")
    for given in (one, one / "config.json"):
        flags = (f"--config={given}", f"--workdir={two}")
        assert cli("prepare", *flags, "--protocol=leave_one_out").status == 0
        found = workdir.require_config(two).data
        assert found.columns == ("watches.time=at",)
        assert found.protocol == "leave_one_out"
        shutil.rmtree(two)
    error = cli.error("prepare", f"--config={tmp_path / 'log'}", f"--workdir={two}")
    assert f"expected a file or a run for --config, found none at {tmp_path}" in error


FAILURES = {
    "disk": (
        OSError(errno.ENOSPC, "No space left on device"),
        "expected room on the disk, found none left ([Errno 28] No space left on "
        "device): make room and give the same command again",
    ),
    "disk, by Polars": (
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
        "expected room on the disk, found none left (No space left on device (os "
        "error 28)): make room and give the same command again",
    ),
    "memory": (
        MemoryError("Unable to allocate 7.45 GiB for an array"),
        "expected more memory than there is (Unable to allocate 7.45 GiB for an "
        "array): lower training.batch_size, embedding_dim or the size of the log",
    ),
    "permission": (
        PermissionError(errno.EACCES, "Permission denied", "/x/watches.csv"),
        "could not use /x/watches.csv: Permission denied",
    ),
    "missing": (
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/a"),
        "could not use /x/a: No such file or directory",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_the_machine_is_one_line(
    cli: Cli, rooms: fakes.Rooms, workdir: Path, monkeypatch: MonkeyPatch, name: str
) -> None:
    error, line = FAILURES[name]

    def prepare(*given: object) -> None:
        raise error

    monkeypatch.setattr("ytdnn.log.prepare.prepare", prepare)
    assert cli.error("prepare", "--workdir", workdir) == line
    assert not (workdir / "config.json").exists()


def test_memory_that_tensorflow_lacks_is_one_line() -> None:
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [9,9]")
    assert failures.failure(error).startswith(
        "expected more memory than there is (OOM when allocating [9,9]"
    )


def test_a_bug_is_not_hidden(
    cli: Cli, rooms: fakes.Rooms, workdir: Path, monkeypatch: MonkeyPatch
) -> None:
    def prepare(config: object, directory: Path, given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ytdnn.log.prepare.prepare", prepare)
    with pytest.raises(ZeroDivisionError):
        cli("run", "--workdir", workdir)


def test_flags_are_taken_with_a_space_too() -> None:
    table = [command_room.Flag("workdir"), command_room.Flag("k", key="evaluation.ks")]
    given = command_room.parse(
        "run", table, ["--workdir", "w", "--config.seed", "3", "--k", "5,10"]
    )
    assert given.values == {"workdir": "w"}
    assert given.overrides == {"seed": "3", "evaluation.ks": "5,10"}


def test_an_interrupt_is_a_line_however_often_it_comes(
    monkeypatch: MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Polars raises one itself, and the signal's own comes behind it."""
    told: list[str] = []

    def dispatch(argv: list[str]) -> int:
        raise KeyboardInterrupt

    def refuse(message: str, status: int) -> int:
        told.append(message)
        if len(told) == 1:
            raise KeyboardInterrupt
        return status

    monkeypatch.setattr(main, "_dispatch", dispatch)
    monkeypatch.setattr(main, "_refuse", refuse)
    assert main.main(["prepare"]) == 130
    assert told == ["interrupted: the same command goes on"] * 2


def test_an_interrupt_while_modules_load_is_a_line(
    monkeypatch: MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back
    monkeypatch.setattr(main, "main", interrupted)
    assert __main__.run() == 130
    err = capsys.readouterr().err
    assert err == "ytdnn: error: interrupted: the same command goes on\n"


@pytest.mark.parametrize(
    "after", [None, SystemError("bad argument"), errors.UserError("x"), OSError(28, "")]
)
def test_an_end_by_sigterm_is_a_line_with_its_own_status(
    monkeypatch: MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    after: Exception | None,
) -> None:
    def dispatch(argv: list[str]) -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            if after is not None:  # as code in C fails that calls Python
                raise after
        return 0

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back
    monkeypatch.setattr(main, "_dispatch", dispatch)
    assert __main__.run() == 143
    err = capsys.readouterr().err
    assert err == "ytdnn: error: interrupted: the same command goes on\n"
    assert signal.signal(signal.SIGTERM, before) == signal.SIG_IGN


def test_an_interrupt_in_a_callback_of_a_weak_reference_is_raised_again(
    monkeypatch: MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Referred:
        pass

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def swallowed() -> int:
        referred = Referred()
        reference = weakref.ref(referred, interrupt)
        del referred  # Python raises nothing here
        assert reference() is None
        for _ in range(500):
            time.sleep(0.02)
        return 0

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back
    monkeypatch.setattr(main, "main", swallowed)
    # Workers of a suite ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert __main__.run() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    err = capsys.readouterr().err
    assert err == "ytdnn: error: interrupted: the same command goes on\n"
