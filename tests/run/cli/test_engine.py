"""The engine of `evaluate` and `refresh`: who does the work; mistakes in one line."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.ops.spark import on_spark, session
from ytdnn.run import pipeline

SPARK = "--engine=spark"


@pytest.fixture
def run(
    rooms: fakes.Rooms, cli: conftest.Cli, workdir: pathlib.Path
) -> list[tuple[Any, ...]]:
    """What Spark is asked for, of a run that is trained."""
    assert cli("run", f"--workdir={workdir}").status == 0
    rooms.shared_work.clear()
    return []


def test_the_windows_of_an_evaluation_are_those_of_the_engine(
    run: list[tuple[Any, ...]],
    rooms: fakes.Rooms,
    cli: conftest.Cli,
    workdir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextlib.contextmanager
    def windows(
        machines: on_spark.SparkMachines,
        directory: pathlib.Path,
        config: configs.Config,
        *others: str,
    ) -> Iterator[str]:
        seed = config.evaluation.seed
        run.append((machines.settings.master, directory, seed, *others))
        yield "work"

    monkeypatch.setattr(on_spark.SparkMachines, "windows", windows)
    monkeypatch.setattr(session, "require", lambda: None)
    flags = ["evaluate", f"--workdir={workdir}", "--split=validation"]
    flags.append("--config.evaluation.seed=5")
    assert cli(*flags, SPARK, "--spark_master=spark://h:7077").status == 0
    assert cli(*flags).status == 0
    assert rooms.shared_work == ["work", None]
    assert run == [("spark://h:7077", workdir, 5, "validation", "")]


def test_mistakes_are_one_line(
    cli: conftest.Cli, workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = cli.error("evaluate", f"--workdir={workdir}", "--spark_master=spark://h:1")
    assert error.startswith("expected --engine=spark with --spark_master, found")
    error = cli.error("evaluate", "--bundle=b", "--data=d", SPARK)
    assert error == (
        "--engine belongs to the evaluation of a run: leave it out with --bundle"
    )
    monkeypatch.setattr(session, "java_version", lambda: None)
    error = cli.error("evaluate", f"--workdir={workdir}", SPARK)
    assert error.startswith("expected Java 17 or newer for --engine=spark, found none")
    monkeypatch.setattr(session.importlib.util, "find_spec", lambda name: None)
    error = cli.error("evaluate", f"--workdir={workdir}", SPARK)
    assert error.startswith("expected the package pyspark for --engine=spark, found")


def test_the_set_of_a_refresh_is_written_by_the_engine(
    cli: conftest.Cli,
    rooms: fakes.Rooms,
    workdir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cli("run", f"--workdir={workdir}").status == 0
    given = []

    def refresh(*_: Any, machines: Any, **others: Any) -> pathlib.Path:
        given.append(machines)
        return workdir / "bundle"

    monkeypatch.setattr(pipeline, "refresh", refresh, raising=False)
    monkeypatch.setattr(session, "require", lambda: None)
    flags = ["refresh", f"--from={workdir}", "--data_dir=log"]
    flags.append(f"--workdir={workdir}")
    assert cli(*flags, SPARK, "--spark_master=local[3]").status == 0
    assert cli(*flags).status == 0
    assert [one and one.settings.master for one in given] == ["local[3]", None]
