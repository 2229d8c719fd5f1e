"""Ids, deadlines and the access log of requests, and their traces."""

import dataclasses
import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from starlette import testclient

from tests.ops.server import conftest
from ytdnn.base import errors
from ytdnn.ops.server import access_log, app, settings, telemetry

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def logged(
    server: conftest.Server, tmp_path: pathlib.Path
) -> Iterator[tuple[testclient.TestClient, pathlib.Path]]:
    """A client of the server that writes an access log, and the log."""
    path = tmp_path / "access.log"
    log = access_log.AccessLog(str(path))
    parts = dataclasses.replace(server.parts, access=log)
    yield testclient.TestClient(app.application(parts), conftest.ADDRESS), path
    log.close()


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_answer_is_a_line_with_its_stages(
    logged: tuple[testclient.TestClient, pathlib.Path],
) -> None:
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
    assert set(stages) == {"body", "queue", "run", "candidates", "ranking"}
    assert 0 < stages["candidates"] + stages["ranking"] <= stages["run"]
    assert stages["queue"] + stages["run"] <= line["milliseconds"]
    assert "secret" not in path.read_text()


def test_what_is_refused_is_a_line_too(
    logged: tuple[testclient.TestClient, pathlib.Path],
) -> None:
    client, path = logged
    assert client.get("/status", headers={"Host": "elsewhere"}).status_code == 403
    assert client.post("/recommend", json={"k": -1}).status_code == 400
    assert client.get("/nowhere").status_code == 404
    assert [line["status"] for line in lines(path)] == [403, 400, 404]
    model = f"/v1/models/{conftest.MODEL}:predict"
    assert client.post(model, json={}).status_code == 400
    assert lines(path)[-1]["path"] == model


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "a\u00e9"])
def test_an_id_that_is_none_is_replaced(
    logged: tuple[testclient.TestClient, pathlib.Path], given: str
) -> None:
    client, path = logged
    found = client.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")})
    made = found.headers["x-request-id"]
    assert len(made) == 32
    assert lines(path)[-1]["request_id"] == made
    assert client.get("/healthz").headers["x-request-id"] != made


def test_a_log_that_was_moved_away_is_made_again(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    log = access_log.AccessLog(str(path))
    record = app.records.Record("first")
    log.write(record, "GET", "/", 200, 0)
    path.rename(tmp_path / "old.log")
    log.write(dataclasses.replace(record, request_id="second"), "GET", "/", 200, 0)
    log.close()
    assert [line["request_id"] for line in lines(path)] == ["second"]


def test_a_deadline_that_has_passed_is_told(server: conftest.Server) -> None:
    late = server.post("/recommend", {"k": 3}, headers={"X-Timeout-Ms": "0"})
    assert late.status_code == 504
    assert "no answer within" in late.json()["error"]
    wrong = server.post("/recommend", {}, headers={"X-Timeout-Ms": "soon"})
    assert wrong.status_code == 400
    assert "X-Timeout-Ms to be a number of milliseconds" in wrong.json()["error"]
    assert wrong.headers["x-request-id"]
    longer = {"X-Timeout-Ms": "600000"}
    assert server.post("/recommend", {"k": 3}, headers=longer).status_code == 200


class Spans(trace.TracerProvider, trace.Tracer):
    """Keeps the arguments of spans: OpenTelemetry's interface without its SDK."""

    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, Any]]] = []

    def get_tracer(self, *args: Any, **more: Any) -> trace.Tracer:
        return self

    def start_span(self, name: str, context: Any = None, **more: Any) -> trace.Span:  # type: ignore[override]
        parent = trace.get_current_span(context).get_span_context()
        self.started.append((name, more | {"parent": parent}))
        number = len(self.started)
        return trace.NonRecordingSpan(
            trace.SpanContext(parent.trace_id, number, is_remote=False)
        )

    def start_as_current_span(self, *args: Any, **more: Any) -> Any:
        raise NotImplementedError

    def shutdown(self) -> None:
        """Does nothing: no span is kept back."""


def test_a_request_is_a_span_of_its_clients_trace(server: conftest.Server) -> None:
    spans = Spans()
    parts = dataclasses.replace(server.parts, tracing=telemetry.Tracing(spans))
    client = testclient.TestClient(app.application(parts), conftest.ADDRESS)
    model = f"/v1/models/{conftest.MODEL}:predict"
    headers = {"traceparent": PARENT, "X-Request-ID": "r"}
    client.post("/recommend", json={"k": 3}, headers=headers)
    client.post(model, json={}, headers=headers)
    (name, of_request), *stages = spans.started[:-2]
    assert name == "POST /recommend"
    assert format(of_request["parent"].trace_id, "032x") == PARENT.split("-")[1]
    assert of_request["attributes"]["http.response.status_code"] == 200
    assert of_request["attributes"]["ytdnn.request_id"] == "r"
    assert [name for name, _ in stages] == [
        "body",
        "queue",
        "run",
        "candidates",
        "ranking",
    ]
    for _, stage in stages:
        assert stage["parent"].span_id == 1
        assert stage["start_time"] >= of_request["start_time"]
    assert spans.started[-2][0] == "POST /v1"


def test_spans_reach_a_collector(
    server: conftest.Server, monkeypatch: pytest.MonkeyPatch
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
        tracing = telemetry.Tracing()
        parts = dataclasses.replace(server.parts, tracing=tracing)
        client = testclient.TestClient(app.application(parts), conftest.ADDRESS)
        assert client.post("/recommend", json={"k": 3}).status_code == 200
        tracing.close()
        collector.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    for name in (b"POST /recommend", b"ranking", b"front page"):
        assert name in body


def test_traces_need_the_extra(
    server: conftest.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk", None)
    with pytest.raises(errors.UserError, match=r"\.\[telemetry\]"):
        telemetry.Tracing()
    assert not settings.Settings(bundle=pathlib.Path()).traces
