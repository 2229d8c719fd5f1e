"""Ids, deadlines and the access log of requests, and their traces."""

import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette import requests, responses, testclient

from tests.ops.server import conftest
from ytdnn.base import errors
from ytdnn.ops.server import current_request, settings

Server = conftest.Server
TestClient = testclient.TestClient
Path = pathlib.Path

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def logged(server: Server, tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    """A client of the server that writes an access log, and the log."""
    path = tmp_path / "access.log"
    log = current_request.AccessLog(str(path))
    yield server.changed(access_log=log), path
    log.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_answer_is_a_line_with_its_stages(logged: tuple[TestClient, Path]) -> None:
    client, path = logged
    asked = {"user_id": "a secret user", "k": 3}
    answer = client.post("/recommend", json=asked, headers={"X-Request-ID": "page-7"})
    assert answer.headers["x-request-id"] == "page-7"
    (line,) = lines(path)
    assert line["request_id"] == "page-7"
    assert line["answer_id"] == answer.json()["request_id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/recommend", 200)
    assert line["bytes"] == len(answer.content)
    assert line["version"] == answer.json()["version"]
    stages = line["stages"]
    assert set(stages) == {"queue", "run", "candidates", "ranking"}
    assert 0 < stages["candidates"] + stages["ranking"] <= stages["run"]
    assert stages["queue"] + stages["run"] <= line["milliseconds"]
    assert "secret" not in path.read_text()


def test_what_is_refused_is_a_line_too(logged: tuple[TestClient, Path]) -> None:
    client, path = logged
    assert client.get("/status", headers={"Host": "elsewhere"}).status_code == 403
    assert client.post("/recommend", json={"k": -1}).status_code == 400
    assert client.get("/nowhere").status_code == 404
    assert [line["status"] for line in lines(path)] == [403, 400, 404]
    model = f"/v1/models/{conftest.MODEL}:predict"
    assert client.post(model, json={}).status_code == 400
    assert lines(path)[-1]["path"] == model
    client.delete("/users/a secret user")
    assert lines(path)[-1]["path"] == "/users/ID"


def test_an_id_that_is_none_is_replaced(server: Server) -> None:
    for given in ("", "two words", "x" * 129, "a\u00e9"):
        headers = {"X-Request-ID": given.encode("latin-1")}
        answer = server.client.get("/healthz", headers=headers)
        assert len(answer.headers["x-request-id"]) == 32


def test_a_log_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = current_request.AccessLog(str(path))
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    for request_id in ("first", "second"):
        record = current_request.Record(request_id)
        log.write(record, requests.Request(scope), responses.Response())
        if request_id == "first":
            path.rename(tmp_path / "old.log")
    log.close()
    assert [line["request_id"] for line in lines(path)] == ["second"]


def test_a_deadline_that_has_passed_is_told(server: Server) -> None:
    late = server.post("/recommend", {"k": 3}, headers={"X-Timeout-Ms": "0"})
    assert late.status_code == 504
    assert late.json()["error"] == "no answer within 0 s"
    wrong = server.post("/recommend", {}, headers={"X-Timeout-Ms": "soon"})
    assert wrong.status_code == 400
    assert "X-Timeout-Ms to be a number of milliseconds" in wrong.json()["error"]
    assert wrong.headers["x-request-id"]
    longer = {"X-Timeout-Ms": "600000"}
    assert server.post("/recommend", {"k": 3}, headers=longer).status_code == 200


def test_spans_reach_a_collector(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "front page")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        tracing = current_request.Tracing()
        client = server.changed(tracing=tracing)
        headers = {"traceparent": PARENT}
        asked = client.post("/recommend", json={"k": 3}, headers=headers)
        assert asked.status_code == 200
        tracing.close()
        collector.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    for name in (b"POST /recommend", b"ytdnn.ranking_seconds", b"front page"):
        assert name in body
    assert bytes.fromhex(PARENT.split("-")[1]) in body


def test_traces_need_the_extra(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk", None)
    with pytest.raises(errors.UserError, match=r"\.\[telemetry\]"):
        current_request.Tracing()
    assert not settings.Settings(bundle=Path()).traces
