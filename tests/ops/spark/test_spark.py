"""Prepared on Spark: the bytes of Polars, whatever happens to Spark's machines."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests import full_log
from tests.ops.spark import clusters
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.bundle import answer_files
from ytdnn.log import prepare, prepared
from ytdnn.ops.spark import on_spark
from ytdnn.run.cli import command, flags
from ytdnn.run.pipeline import bulk_answers, recommender

pytest.importorskip("pyspark", reason="needs the extra: pip install 'ytdnn[spark]'")
if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
    pytest.skip("needs Java 17 or newer", allow_module_level=True)

_TWO_TASKS = {"spark.sql.shuffle.partitions": "2"}


@pytest.fixture(scope="module")
def spark():
    machines = on_spark.SparkMachines("local[2]", _TWO_TASKS)
    with on_spark.open_session(machines) as opened:
        yield opened


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    directory = tmp_path_factory.mktemp("log")
    for name, frame in full_log.tables().items():
        (directory / name).mkdir()
        half = frame.height // 2
        for number, part in enumerate([frame[:half], frame[half:]]):
            part.write_parquet(directory / name / f"part-{number}.parquet")
    return directory


def _config(log, **settings):
    return configs.DataConfig(source="log", dir=str(log), **settings)


def _on_spark(opened, config, directory):
    scratch = directory.with_name(f"{directory.name}.scratch")
    scratch.mkdir()
    tasks = on_spark.SparkTasks(opened, scratch)
    return prepare.prepare(config, directory, run_tasks=tasks)


def _files(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _assert_same_bytes(actual, expected):
    found, wanted = _files(actual.directory), _files(expected.directory)
    assert found.keys() == wanted.keys()
    for path, content in wanted.items():
        assert found[path] == content, path


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    [
        {"events_per_shard": 900},
        {
            "protocol": "leave_one_out",
            "clicks_are_watches": True,
            "min_watch_seconds": 30.0,
            "min_item_count": 30,
            "where": "watch_seconds > 5",
        },
    ],
    ids=["shards", "clicks, core and filter"],
)
def test_spark_gives_the_bytes_of_polars(spark, log, tmp_path, settings):
    config = _config(log, **settings)
    expected = prepare.prepare(config, tmp_path / "polars")
    _assert_same_bytes(_on_spark(spark, config, tmp_path / "spark"), expected)
    assert len(expected.log.shards) == (4 if "events_per_shard" in settings else 1)


def test_flags_choose_the_engine():
    def chosen(*argv):
        return flags.machines(command.parse("prepare", flags.engine_flags(""), argv))

    assert chosen() is None
    found = chosen(
        "--engine=spark", "--conf=spark.executor.memory=2g,spark.task.cpus=1"
    )
    assert found.master == on_spark.LOCAL
    assert found.conf == {
        "spark.executor.memory": "2g",
        "spark.task.cpus": "1",
    }
    with pytest.raises(errors.UserError, match="expected --engine=spark with --conf"):
        chosen("--conf=spark.task.cpus=1")
    with pytest.raises(errors.UserError, match=r"expected --conf as spark\.KEY=VALUE"):
        chosen("--engine=spark", "--conf=memory=2g")


def test_without_pyspark_there_is_one_line(monkeypatch):
    monkeypatch.setattr(on_spark.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.UserError, match=r"pip install .*'\.\[spark\]'"):
        on_spark.require()


def test_a_master_that_is_not_there_is_one_line_at_once(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        on_spark._require_master(f"spark://127.0.0.1:1,127.0.0.1:{port}")
    monkeypatch.setattr(on_spark, "require", lambda: None)
    for place in (f"127.0.0.1:{port}", "127.0.0.1:99999", "127.0.0.1:x"):
        machines = on_spark.SparkMachines(f"spark://{place}")
        with (
            pytest.raises(errors.UserError, match=r"could not connect \(.*start it"),
            on_spark.open_session(machines),
        ):
            raise AssertionError("opened a session without a master")
    on_spark._require_master(on_spark.LOCAL)


@pytest.mark.slow
def test_lists_of_many_users_are_those_of_one_machine(
    spark, untrained_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(answer_files, "_PRODUCTS_A_PART", 8)
    opened = recommender.Recommender(
        untrained_run.bundle, untrained_run.data.directory, untrained_run.data
    )
    asked = {"users": None, "k": 5, "ranker": False, "index": "exact"}
    asked |= {"exclude": ["v1", "v2"], "allow": None}
    expected = bulk_answers.stream(opened, **asked).whole()
    divided = on_spark.divided(spark, opened, asked, tmp_path)
    assert divided.whole().equals(expected)
    assert not {"v1", "v2"} & set(expected["video_id"])
    assert len(list(tmp_path.glob("part-*"))) == 2
    assert expected["user_id"].n_unique() == len(divided.ids) == 30


def test_a_failure_on_spark_is_told_in_its_own_line():
    assert on_spark._reason(ValueError("line one")) == "line one"
    calling = "An error occurred while calling it.\n: SparkException: no master\n\tat x"
    assert on_spark._reason(ValueError(calling)) == "SparkException: no master"
    trace = "job failed\nTraceback:\n  File x\nOSError: no such file\nDriver stacktrace"
    assert on_spark._reason(RuntimeError(trace)) == "OSError: no such file"


@pytest.mark.slow
def test_a_worker_of_a_cluster_killed_midway_changes_no_byte(log, tmp_path):
    expected = prepare.prepare(_config(log, events_per_shard=300), tmp_path / "polars")
    cluster = clusters.Cluster(tmp_path)
    workdir = tmp_path / "run"
    command = [sys.executable, "-m", "ytdnn", "prepare", "--source=log"]
    command += [f"--data_dir={log}", f"--workdir={workdir}", "--engine=spark"]
    command += ["--config.data.events_per_shard=300", f"--spark_master={cluster.url}"]
    command.append(f"--conf={clusters.CONF},spark.sql.shuffle.partitions=4")
    try:
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        clusters.wait_for(
            lambda: any((workdir / ".data.partial").glob("shards/0*")), running
        )
        cluster.kill(cluster.workers[0])
        assert running.wait(timeout=500) == 0, running.stderr.read()
    finally:
        cluster.stop()
    _assert_same_bytes(prepared.load(workdir / "data"), expected)
    assert not list(workdir.rglob(".0*"))
