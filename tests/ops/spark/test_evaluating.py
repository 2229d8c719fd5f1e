"""Evaluated on Spark: the report of one machine, whichever workers are lost."""

import json
import subprocess
import sys

import pytest

from tests import planted
from tests.ops.spark import clusters
from ytdnn.ops.spark import session
from ytdnn.run.pipeline import workdir as workdir_room

UNREPEATABLE = ("made", "latency")
WINDOW = "--config.evaluation.window_events=800"  # of about 7,000 events


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A trained run, evaluated on this machine by windows."""
    pytest.importorskip("pyspark", reason="needs the extra: pip install 'ytdnn[spark]'")
    if (session.java_version() or 0) < 17:
        pytest.skip("needs Java 17 or newer")
    home = tmp_path_factory.mktemp("evaluating")
    log = planted.write_log(home / "log")
    (home / "run").mkdir()
    workdir_room.write_config(home / "run", planted.tiny_config(ranking_epochs=1))
    data = ["--source=log", f"--data_dir={log}", "--config.data.events_per_shard=900"]
    run(home, "prepare", *data)
    run(home, "train")
    run(home, "evaluate", WINDOW)
    return home / "run"


def command(home, name, *flags):
    return [sys.executable, "-m", "ytdnn", name, f"--workdir={home / 'run'}", *flags]


def run(home, name, *flags):
    done = subprocess.run(
        command(home, name, *flags), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def outputs(workdir):
    """Returns the report without times, and the metrics of each user as bytes."""
    report = json.loads((workdir / "evaluation" / "report.json").read_text())
    assert report["lists"]["system"]["values"]
    assert report["impressions"]["ranker"]["values"]
    for name in UNREPEATABLE:
        report.pop(name)
    return json.dumps(report), (workdir / "evaluation" / "users.parquet").read_bytes()


@pytest.mark.slow
def test_the_report_is_that_of_one_machine(workdir):
    expected = outputs(workdir)
    (workdir / "evaluation" / "report.json").unlink()
    done = run(
        workdir.parent, "evaluate", WINDOW, "--engine=spark", "--spark_master=local[2]"
    )
    assert "predictions: 10 windows on Spark" in done.stderr
    assert outputs(workdir) == expected
    assert not list(workdir.glob(".evaluation*"))


@pytest.mark.slow
def test_a_worker_of_a_cluster_killed_midway_changes_nothing(workdir, tmp_path):
    expected = outputs(workdir)
    (workdir / "evaluation" / "report.json").unlink()
    cluster = clusters.Cluster(tmp_path)
    flags = [WINDOW, "--engine=spark", f"--spark_master={cluster.url}"]
    flags.append(f"--conf={clusters.CONF}")
    done = workdir / ".evaluation.spark"
    try:
        running = subprocess.Popen(
            command(workdir.parent, "evaluate", *flags),
            stderr=subprocess.PIPE,
            text=True,
        )
        clusters.wait_for(lambda: any(done.glob("lists/part-*")), running)
        cluster.kill(cluster.workers[0])
        assert running.wait(timeout=500) == 0, running.stderr.read()
    finally:
        cluster.stop()
    assert outputs(workdir) == expected
