"""docs/openapi.yaml describes the server: its paths, and every answer it gives here."""

import pathlib
from typing import Any

import jsonschema
import pytest
import yaml

from tests.ops.server import conftest
from ytdnn.ops.server import app, batching

REFERENCE = "$ref"


@pytest.fixture(scope="module")
def document() -> Any:
    path = pathlib.Path(__file__).parents[3] / "docs" / "openapi.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def resolved(document: Any, value: Any) -> Any:
    """Returns a value with its reference followed."""
    while isinstance(value, dict) and REFERENCE in value:
        found = document
        for key in value[REFERENCE].removeprefix("#/").split("/"):
            found = found[key]
        value = found
    return value


def test_every_path_of_the_server_is_in_it(
    document: Any, server: conftest.Server
) -> None:
    described = {
        (method.upper(), path.replace("{model}", "{name}"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    table = app._Routes(server.parts).table()
    shown = ("/inspect", "/inspector")
    assert described == {
        (method, path.replace(":path}", "}"))
        for method, path, _ in table
        if path != "/" and not path.startswith((*shown, "/v1/models/{name}/versions"))
    }


def check(document: Any, method: str, path: str, response: Any) -> None:
    """Checks status, headers and body of an answer against the document."""
    described = document["paths"][path][method.lower()]
    answer = resolved(document, described["responses"][str(response.status_code)])
    for name, header in answer.get("headers", {}).items():
        schema = resolved(document, header)["schema"]
        value: Any = response.headers[name]
        value = int(value) if schema["type"] == "integer" else value
        jsonschema.validate(value, schema)
    (kind,) = answer["content"]
    assert response.headers["content-type"].partition(";")[0] == kind
    body = response.json() if kind == "application/json" else response.text
    root = answer["content"][kind]["schema"] | {"components": document["components"]}
    jsonschema.Draft202012Validator(root).validate(body)


def test_answers_are_as_it_says(document: Any, server: conftest.Server) -> None:
    answer = server.post("/recommend", server.request() | {"k": 4, "user_id": "u3"})
    check(document, "POST", "/recommend", answer)
    told = {
        "request_id": answer.json()["request_id"],
        "video_id": answer.json()["videos"][0]["video_id"],
        "clicked": True,
        "watch_seconds": 2.5,
    }
    check(document, "POST", "/feedback", server.post("/feedback", told))
    model = f"/v1/models/{conftest.MODEL}"
    name = "/v1/models/{model}"
    rows = {"instances": [{"watched_video_ids": ["video 1"], "k": 2}]}
    columns = {"inputs": {"watched_video_ids": [["video 1"]], "k": [2]}}
    for body in (rows, columns):
        body["signature_name"] = "serving_required"
        check(document, "POST", f"{name}:predict", server.predict(body))
    client = server.client
    check(document, "GET", name, client.get(model))
    check(document, "GET", f"{name}/metadata", client.get(f"{model}/metadata"))
    for path in ("/healthz", "/status", "/metrics", "/monitoring/prometheus/metrics"):
        check(document, "GET", path, client.get(path))


def test_refusals_are_as_it_says(document: Any, server: conftest.Server) -> None:
    name = "/v1/models/{model}"
    check(document, "POST", "/recommend", server.post("/recommend", {"k": -1}))
    check(document, "POST", "/feedback", server.post("/feedback", {}))
    check(document, "POST", f"{name}:predict", server.predict({}))
    check(document, "GET", name, server.client.get("/v1/models/none"))
    late = server.post("/recommend", {}, headers={"X-Timeout-Ms": "0"})
    assert late.status_code == 504
    check(document, "POST", "/recommend", late)
    elsewhere = server.client.get("/status", headers={"Host": "elsewhere"})
    check(document, "GET", "/status", elsewhere)


def test_an_overloaded_server_says_when_to_ask_again(
    document: Any, server: conftest.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching.Queue, "waited_seconds", property(lambda queue: 2.5))
    monkeypatch.setattr(server.parts.threads, "queue_seconds", 1.0)
    full = server.post("/recommend", {"k": 1})
    assert full.status_code == 503
    assert full.headers["retry-after"] == "3"
    check(document, "POST", "/recommend", full)


def test_requests_that_it_shows_are_taken(
    document: Any, server: conftest.Server
) -> None:
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody")
        if body and "example" in body["content"]["application/json"]:
            shown = body["content"]["application/json"]["example"]
            place = path.replace("{model}", conftest.MODEL)
            assert server.post(place, shown).status_code == 200
            root = body["content"]["application/json"]["schema"]
            jsonschema.Draft202012Validator(
                root | {"components": {"schemas": schemas}}
            ).validate(shown)
