"""Manifests of training and of Spark: by the schema, by TF_CONFIG, by the commands."""

import json
import re
from typing import Any

import pytest

from tests.ops import kubernetes
from ytdnn.ops.cluster import tasks
from ytdnn.ops.spark import on_spark
from ytdnn.run.cli import command, main

TRAINING, SPARK = "kubernetes-training.yaml", "kubernetes-spark.yaml"
_JOBS = {"chief": 1, "worker": 2, "ps": 2}


def _named(file: str, kind: str) -> dict[str, Any]:
    found = [one for one in kubernetes.manifests(file) if one["kind"] == kind]
    return {one["metadata"]["name"]: one for one in found}


def _pod(job: Any) -> Any:
    return job["spec"]["template"]["spec"]


def _containers(job: Any) -> list[Any]:
    pod = _pod(job)
    return [*pod.get("initContainers", ()), *pod["containers"]]


@pytest.mark.parametrize("file", [TRAINING, SPARK])
def test_manifests_are_kubernetes(file: str) -> None:
    for manifest in kubernetes.manifests(file):
        assert kubernetes.problems(manifest) == []
    broken = next(one for one in kubernetes.manifests(file) if one["kind"] == "Job")
    _pod(broken)["restart"] = "Never"
    (problem,) = kubernetes.problems(broken)
    assert "restart" in problem


@pytest.mark.parametrize("file", [TRAINING, SPARK])
def test_commands_are_those_of_ytdnn(file: str) -> None:
    by_name = {each.name: each for each in main.COMMANDS}
    seen = set()
    for job in _named(file, "Job").values():
        for container in _containers(job):
            words = container.get("args") or re.findall(
                r"ytdnn (.+?);", container["command"][-1]
            )[0].split(" ")
            asked = by_name[words[0]]
            command.parse(words[0], asked.flags, words[1:], asked.operands)
            seen.add(words[0])
    expected = {TRAINING: {"train", "evaluate", "export"}, SPARK: {"prepare"}}
    assert seen == expected[file]


def test_each_pod_of_training_has_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = _named(TRAINING, "Job")
    (service,) = _named(TRAINING, "Service")
    (port,) = _named(TRAINING, "Service")[service]["spec"]["ports"]
    addresses = set()
    for name, number in _JOBS.items():
        job = jobs[f"ytdnn-{name}"]
        assert job["spec"]["completionMode"] == "Indexed"
        assert job["spec"]["completions"] == job["spec"]["parallelism"] == number
        assert _pod(job)["subdomain"] == service
        given = {one["name"]: one for one in _containers(job)[0]["env"]}
        assert list(given) == ["INDEX", tasks.VARIABLE]  # the second reads the first
        for index in range(number):
            text = given[tasks.VARIABLE]["value"].replace("$(INDEX)", str(index))
            monkeypatch.setenv(tasks.VARIABLE, text)
            task = tasks.from_environment("parameter_server")
            assert (task.job, task.index) == (name, index)
            own = f"ytdnn-{name}-{index}.{service}:{port['port']}"
            assert task.addresses[name][index] == own
            addresses.add(json.dumps(task.addresses, sort_keys=True))
    assert len(addresses) == 1


def test_a_lost_process_comes_again_and_a_mistake_does_not() -> None:
    for name in _JOBS:
        job = _named(TRAINING, "Job")[f"ytdnn-{name}"]
        codes = {
            code: rule["action"]
            for rule in job["spec"]["podFailurePolicy"]["rules"]
            for code in rule.get("onExitCodes", {}).get("values", ())
        }
        assert codes == {75: "Ignore", 2: "FailJob"}
        assert _pod(job)["restartPolicy"] == "Never"  # as such a policy asks


def test_only_the_pods_of_a_training_reach_one_another() -> None:
    (policy,) = _named(TRAINING, "NetworkPolicy").values()
    own = policy["spec"]["podSelector"]
    for job in _named(TRAINING, "Job").values():
        labels = job["spec"]["template"]["metadata"]["labels"]
        assert own["matchLabels"].items() <= labels.items()
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": own}]
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_executors_find_the_driver_and_the_volume() -> None:
    (job,) = _named(SPARK, "Job").values()
    (container,) = _containers(job)
    (text,) = (one for one in container["args"] if one.startswith("--conf="))
    conf = on_spark.parse_conf(text.removeprefix("--conf="))
    service = _named(SPARK, "Service")[conf["spark.driver.host"]]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    ports = {str(one["port"]) for one in service["spec"]["ports"]}
    assert ports == {conf["spark.driver.port"], conf["spark.blockManager.port"]}
    volume = "spark.kubernetes.executor.volumes.persistentVolumeClaim.run"
    (own,) = _pod(job)["volumes"]
    assert (
        conf[f"{volume}.options.claimName"]
        == (own["persistentVolumeClaim"]["claimName"])
    )
    (mount,) = container["volumeMounts"]
    assert conf[f"{volume}.mount.path"] == mount["mountPath"]
    account = conf["spark.kubernetes.authenticate.driver.serviceAccountName"]
    assert account == _pod(job)["serviceAccountName"]
    assert account in _named(SPARK, "ServiceAccount")
    (binding,) = _named(SPARK, "RoleBinding").values()
    assert binding["roleRef"]["name"] in _named(SPARK, "Role")
    assert conf["spark.authenticate"] == "true"
