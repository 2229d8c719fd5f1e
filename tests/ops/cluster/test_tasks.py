"""`TF_CONFIG`: who a process is, and one line where it says nothing sensible."""

import json

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.ops.cluster import limits, tasks
from ytdnn.run.pipeline import roles

WORKERS = {"worker": ["a:1", "b:2"]}
SERVED = {"chief": ["a:1"], "worker": ["b:2"], "ps": ["c:3"]}


def _set(monkeypatch, cluster, job, index):
    found = {"cluster": cluster, "task": {"type": job, "index": index}}
    monkeypatch.setenv(tasks.VARIABLE, json.dumps(found))


@pytest.mark.parametrize(
    ("strategy", "cluster", "job", "index", "name", "is_chief"),
    [
        ("multi_worker", WORKERS, "worker", 0, "worker 0", True),
        ("multi_worker", WORKERS, "worker", 1, "worker 1", False),
        ("parameter_server", SERVED, "chief", 0, "chief", True),
        ("parameter_server", SERVED, "worker", 0, "worker 0", False),
        ("parameter_server", SERVED, "ps", 0, "ps 0", False),
    ],
)
def test_one_process_is_the_chief(
    monkeypatch, strategy, cluster, job, index, name, is_chief
):
    _set(monkeypatch, cluster, job, index)
    task = tasks.from_environment(strategy)
    assert (task.name, task.is_chief) == (name, is_chief)
    assert task.address == cluster[job][index]
    assert tasks.writes(strategy) is is_chief


@pytest.mark.parametrize(
    ("strategy", "cluster", "job", "index", "place", "is_chief"),
    [
        (
            "multi_worker",
            {"chief": ["a:1"], "worker": ["b:2", "c:3"]},
            "chief",
            0,
            0,
            1,
        ),
        (
            "multi_worker",
            {"chief": ["a:1"], "worker": ["b:2", "c:3"]},
            "worker",
            1,
            2,
            0,
        ),
        ("multi_worker", {"master": ["a:1"], "worker": ["b:2"]}, "master", 0, 0, 1),
        ("multi_worker", {"chief": ["a:1"]}, "chief", 0, 0, 1),
        ("multi_worker", WORKERS | {"evaluator": ["e:5"]}, "worker", 1, 1, 0),
        ("parameter_server", SERVED | {"evaluator": ["e:5"]}, "chief", 0, 0, 1),
    ],
)
def test_a_platforms_names_of_jobs_are_understood(
    monkeypatch, strategy, cluster, job, index, place, is_chief
):
    _set(monkeypatch, cluster, job, index)
    task = tasks.from_environment(strategy)
    assert (task.index, task.is_chief) == (place, bool(is_chief))
    assert task.address == cluster[job][index]
    assert set(task.addresses) <= {"worker", "chief", "ps"}


@pytest.mark.parametrize("strategy", ["multi_worker", "parameter_server"])
def test_an_evaluators_process_ends_well(monkeypatch, capsys, strategy):
    cluster = WORKERS if strategy == "multi_worker" else SERVED
    _set(monkeypatch, cluster, "evaluator", 0)
    assert not tasks.writes(strategy)
    role = roles.from_config(configs.Config(strategy=strategy))
    with pytest.raises(SystemExit) as ended:
        role.follows()
    assert ended.value.code == 0
    assert "ytdnn evaluate" in capsys.readouterr().err


def test_one_process_alone_has_no_task_and_writes(monkeypatch):
    _set(monkeypatch, WORKERS, "worker", 1)
    assert tasks.from_environment("mirrored") is None
    assert tasks.writes("none")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cluster": {}}', "null"])
def test_a_missing_or_broken_tf_config_is_one_line(monkeypatch, text):
    monkeypatch.setenv(tasks.VARIABLE, text)
    with pytest.raises(errors.UserError, match="TF_CONFIG"):
        tasks.from_environment("multi_worker")


@pytest.mark.parametrize(
    ("strategy", "cluster", "job", "index"),
    [
        ("multi_worker", SERVED, "worker", 0),
        ("parameter_server", WORKERS, "worker", 0),
        ("multi_worker", WORKERS, "worker", 2),
        ("parameter_server", SERVED | {"chief": ["a:1", "d:4"]}, "chief", 0),
    ],
)
def test_a_cluster_of_another_strategy_is_refused(
    monkeypatch, strategy, cluster, job, index
):
    _set(monkeypatch, cluster, job, index)
    with pytest.raises(errors.UserError, match="TF_CONFIG"):
        tasks.from_environment(strategy)


@pytest.mark.parametrize(
    ("strategy", "training", "loss", "message"),
    [
        ("parameter_server", {}, configs.FullSoftmaxConfig(), "received full_softmax"),
        ("parameter_server", {"ema_decay": 0.9}, None, "ema_decay=0"),
        ("parameter_server", {"steps_per_execution": 9}, None, "received 9"),
        ("multi_worker", {"steps_per_execution": 9}, None, "one step at a time"),
        ("tpu", {"table_optimizer": "lazy_adam"}, None, "lazy_adam"),
    ],
)
def test_what_does_not_go_is_one_line(strategy, training, loss, message):
    settings = configs.TrainingConfig(**training)
    limits.require_fits("none", settings, "candidates", loss)
    with pytest.raises(errors.UserError, match=message):
        limits.require_fits(strategy, settings, "candidates", loss)
