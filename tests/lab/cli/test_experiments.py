import csv
import pathlib

import pytest

from tests.lab.studies import test_run_table
from tests.run.cli import conftest


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    test_run_table.write_run(tmp_path / "low", 0.2)
    test_run_table.write_run(tmp_path / "high", 0.4, seed=7)
    test_run_table.write_run(tmp_path / "unfinished")
    return tmp_path


def test_runs_are_one_sorted_table(cli: conftest.Cli, directory: pathlib.Path) -> None:
    lines = cli("experiments", f"--dir={directory}").out.splitlines()
    rows = [line.split() for line in lines if line.split()[:1] != []]
    names = [row[0] for row in rows if row[0] in ("low", "high", "unfinished")]
    assert names == ["high", "low", "unfinished"]
    high = next(line for line in lines if "high" in line)
    assert "0.4000" in high
    assert "seed=7" in high
    assert "(not evaluated)" in next(line for line in lines if "unfinished" in line)


def test_csv_has_every_difference(cli: conftest.Cli, directory: pathlib.Path) -> None:
    out = cli(
        "experiments",
        f"--dir={directory}",
        "--format=csv",
        "--metrics=candidates/hit_rate@10",
        "--sort=run",
    ).out
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["run"] for row in rows] == ["high", "low", "unfinished"]
    assert [row["seed"] for row in rows] == ["7", "0", "0"]
    assert [row["candidates/hit_rate@10"] for row in rows] == ["0.4", "0.2", ""]


def test_mistakes_are_one_line(cli: conftest.Cli, directory: pathlib.Path) -> None:
    assert "no run has the metric 'auc'" in cli.error(
        "experiments", f"--dir={directory}", "--sort=auc"
    )
    assert "expected --split to be one of test, validation" in cli.error(
        "experiments", f"--dir={directory}", "--split=train"
    )
    assert "expected --dir=DIR" in cli.error("experiments")
