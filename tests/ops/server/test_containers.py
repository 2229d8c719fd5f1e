"""What docs/containers starts: manifests by Kubernetes' schema, flags by the command.

No container is run. The schema is Kubernetes' own, of the kinds that are used.
"""

import json
import re
from typing import Any

import numpy as np
import pytest
import yaml

from tests import extras, untrained
from tests.ops import kubernetes
from tests.ops.server import conftest, live
from ytdnn.ops.cli import serve
from ytdnn.ops.server import app, start

CONTAINERS = kubernetes.CONTAINERS


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    return {one["kind"]: one for one in kubernetes.manifests("kubernetes.yaml")}


def test_manifests_are_kubernetes(manifests: dict[str, Any]) -> None:
    assert set(manifests) == {"Deployment", "Service", "PodDisruptionBudget", "Ingress"}
    for manifest in manifests.values():
        assert kubernetes.problems(manifest) == []
    broken = json.loads(json.dumps(manifests["Deployment"]))
    container(broken)["readinessProbe"]["periodSecond"] = 5
    (problem,) = kubernetes.problems(broken)
    assert "periodSecond" in problem


def container(deployment: Any) -> Any:
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return found


def flags(arguments: list[str]) -> set[str]:
    found = [re.fullmatch(r"--(\w+)=.+", argument) for argument in arguments]
    assert all(found)
    return {match[1] for match in found if match}


def test_manifests_hold_together(manifests: dict[str, Any]) -> None:
    pod = manifests["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    for kind, place in (
        ("Deployment", "matchLabels"),
        ("PodDisruptionBudget", "matchLabels"),
        ("Service", None),
    ):
        selector = manifests[kind]["spec"]["selector"]
        assert (selector[place] if place else selector).items() <= labels
    (port,) = container(manifests["Deployment"])["ports"]
    (served,) = manifests["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    volumes = {one["name"] for one in pod["spec"]["volumes"]}
    mounts = container(manifests["Deployment"])["volumeMounts"]
    assert {one["name"] for one in mounts} == volumes
    pause = int(
        container(manifests["Deployment"])["lifecycle"]["preStop"]["exec"]["command"][1]
    )
    assert pod["spec"]["terminationGracePeriodSeconds"] > pause + start.GRACE_SECONDS


def test_servers_are_started_with_flags_that_there_are(
    manifests: dict[str, Any],
) -> None:
    known = {flag.name for flag in serve.FLAGS}
    assert flags(container(manifests["Deployment"])["args"]) <= known
    compose = yaml.safe_load((CONTAINERS / "compose.proxy.yaml").read_text())
    assert flags(compose["services"]["ytdnn"]["command"]) <= known
    text = (CONTAINERS / "Containerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*?\])", text, re.M | re.S)
    command = json.loads(entry.replace("\\\n", ""))
    assert command[:2] == ["ytdnn", "serve"]
    assert flags(command[2:]) <= known
    mounted = compose["services"]["proxy"]["volumes"]
    assert (CONTAINERS / mounted[0].partition(":")[0]).exists()


def test_every_probe_asks_a_path_that_there_is(manifests: dict[str, Any]) -> None:
    one = container(manifests["Deployment"])
    probes = [
        " ".join(one[f"{kind}Probe"]["exec"]["command"])
        for kind in ("startup", "readiness", "liveness")
    ]
    compose = yaml.safe_load((CONTAINERS / "compose.proxy.yaml").read_text())
    probes.append(compose["services"]["ytdnn"]["healthcheck"]["test"])
    text = (CONTAINERS / "Containerfile").read_text()
    probes += re.findall(r"^ +CMD (.*)$", text, re.M)
    assert len(probes) == 5
    assert all("http://127.0.0.1:8501/healthz" in probe for probe in probes)


def test_the_proxy_keeps_idle_connections_for_less_time_than_the_server() -> None:
    text = (CONTAINERS / "nginx.conf").read_text()
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", text)
    assert int(seconds) < start.IDLE_SECONDS
    assert "X-Request-ID $request_id" in text


@pytest.mark.thorough
def test_the_check_of_tensorflow_serving_passes_on_this_server(
    small_run: untrained.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every signature of every stock model by REST, against the library."""
    check = extras.module(CONTAINERS / "check_tf_serving.py")
    given = conftest.made(small_run.workdir, log=None)
    directory = small_run.workdir / "bundle"
    with live.in_thread(app.Server(given)) as port:
        address = f"127.0.0.1:{port}"
        assert check.main([str(directory), f"--rest={address}"]) == 0
    said = capsys.readouterr().out
    for model, described in small_run.bundle.manifest.facts["models"].items():
        for name in ("serving_default", *described["stages"]):
            assert f"{model}:{name} by REST: equal" in said
    wanted = {"ids": np.array([[b"a", b"b"]], object), "scores": np.ones((1, 2))}
    other = {"ids": np.array([["a", "c"]]), "scores": np.ones((1, 2))}
    assert check.differences(other, wanted) == ["ids: other texts"]
    other = {"ids": np.array([["a", "b"]]), "scores": np.ones((1, 3))}
    assert check.differences(other, wanted) == ["scores: shape (1, 3) for (1, 2)"]
