"""`TF_CONFIG`: who a process is, and one line where it says nothing sensible."""

import json

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.ops.cluster import strategies, tasks
from ytdnn.training import device_strategy

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
    assert task.addresses[job][index] == cluster[job][index]
    assert device_strategy.make(strategy).writes is is_chief


@pytest.mark.parametrize(("job", "index", "place"), [("chief", 0, 0), ("worker", 1, 2)])
def test_a_chief_of_workers_is_the_first_worker(monkeypatch, job, index, place):
    _set(monkeypatch, {"chief": ["a:1"], "worker": ["b:2", "c:3"]}, job, index)
    task = tasks.from_environment("multi_worker")
    assert (task.job, task.index, task.is_chief) == ("worker", place, job == "chief")
    assert task.addresses == {"worker": ["a:1", "b:2", "c:3"]}


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
        ("parameter_server", {"steps_per_execution": 9}, None, "received 9"),
        ("multi_worker", {"steps_per_execution": 9}, None, "one step at a time"),
        ("tpu", {"table_optimizer": "lazy_adam"}, None, "lazy_adam"),
    ],
)
def test_what_does_not_go_is_one_line(strategy, training, loss, message):
    settings = configs.TrainingConfig(**training)
    device_strategy.make("none").require_fits(settings, "candidates", loss)
    with pytest.raises(errors.UserError, match=message):
        device_strategy.make(strategy).require_fits(settings, "candidates", loss)


def test_a_batch_that_cannot_be_shared_out_is_one_line():
    with pytest.raises(errors.UserError, match=r"3 replicas can share.* 32 rows"):
        strategies.Portion(0, 3).size(32)
