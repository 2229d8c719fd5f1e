"""`--engine`: mistakes in one line."""

import pathlib

import pytest

from tests.run.cli import conftest
from ytdnn.ops.spark import on_spark

SPARK = "--engine=spark"


def test_mistakes_are_one_line(
    cli: conftest.Cli, workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = cli.error("prepare", f"--workdir={workdir}", "--spark_master=spark://h:1")
    assert error.startswith("expected --engine=spark with --spark_master, found")
    monkeypatch.setattr(on_spark.importlib.util, "find_spec", lambda name: None)
    error = cli.error("prepare", f"--workdir={workdir}", SPARK)
    assert error.startswith("expected the package pyspark for --engine=spark, found")
