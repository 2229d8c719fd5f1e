"""The application: a handler for each path."""

import asyncio
import contextlib
import importlib.resources
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import fastapi
from google.protobuf import json_format
from starlette import exceptions, responses
from starlette import requests as http

from ytdnn.base import errors, schema
from ytdnn.ops.server import (
    access,
    bodies,
    metrics,
    models,
    predict,
    problems,
    recommend,
    recorder,
    records,
    served_log,
)
from ytdnn.ops.server import parts as parts_room

_LOG = logging.getLogger("ytdnn.ops.server")
_MODEL = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
    r"(?P<rest>/metadata|:predict|:classify|:regress)?"
)
_STATIC = {
    "/": ("inspector.html", "text/html; charset=utf-8"),
    "/inspector.css": ("inspector.css", "text/css; charset=utf-8"),
    "/inspector.js": ("inspector.js", "text/javascript; charset=utf-8"),
}
Json = dict[str, Any]
Handler = Callable[[http.Request], Awaitable[responses.Response]]


def application(parts: parts_room.ServerParts) -> access.App:
    """Returns the guarded application."""
    app = fastapi.FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(parts)
    )
    routes = _Routes(parts)
    app.add_exception_handler(exceptions.HTTPException, _of_http)
    for method, path, handler in routes.table():
        # Bodies and errors are ours throughout: no validation of FastAPI's is seen.
        app.router.add_route(path, routes.measured(path, handler), methods=[method])
    guarded = access.Guard(app, parts.given)
    return recorder.Recorder(guarded, parts.access, parts.tracing, routes.route)


def _lifespan(
    parts: parts_room.ServerParts,
) -> Callable[[fastapi.FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        del app
        tasks = [
            asyncio.create_task(parts.follow()),
            asyncio.create_task(parts.served.load_all()),
        ]
        if parts.log is not None:
            seconds = parts.given.flush_seconds
            tasks.append(asyncio.create_task(_flush(parts.log, seconds)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if parts.log is not None:
            await asyncio.to_thread(parts.log.flush)
        if parts.tracing is not None:
            await asyncio.to_thread(parts.tracing.close)
        if parts.access is not None:
            parts.access.close()
        parts.served.close()
        parts.threads.close()

    return lifespan


async def _flush(log: served_log.ServedLog, seconds: float) -> None:
    took = 0.0
    while True:
        await asyncio.sleep(max(0.0, seconds - took))
        started = time.perf_counter()
        await asyncio.to_thread(log.flush)
        took = time.perf_counter() - started


async def _of_http(request: http.Request, error: Exception) -> responses.Response:
    """Answers an unknown path or method, as TensorFlow Serving does."""
    status = getattr(error, "status_code", problems.NOT_FOUND)
    message = f"Malformed request: {request.method} {request.url.path}"
    allowed = (getattr(error, "headers", None) or {}).get("Allow", "")
    methods = sorted(set(re.findall(r"\w+", allowed)) - {"HEAD"})
    if methods:
        message += f" (it takes {', '.join(methods)})"
    return _refusal(problems.Problem(status, message))


def _refusal(problem: problems.Problem) -> responses.Response:
    return _response(problem.body, problem.status, problem.headers)


def _response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> responses.Response:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    kind = "application/json"
    return responses.Response(text, status, headers=headers, media_type=kind)


class _Routes:
    """The answer of each path."""

    def __init__(self, parts: parts_room.ServerParts) -> None:
        self._parts = parts
        self._limits = parts.given.limits
        self._prefixes = {_prefix(path) for _, path, _ in self.table()}

    def table(self) -> list[tuple[str, str, Handler]]:
        """Returns method, path and handler of each."""
        page = [("GET", path, self.static) for path in _STATIC]
        asked = [
            ("GET", "/inspect/facts", self.facts),
            ("GET", "/inspect/users", self.users),
            ("GET", "/inspect/user", self.user),
            ("GET", "/inspect/videos", self.videos),
            ("POST", "/inspect/answer", self.inspect_answer),
            ("POST", "/inspect/why", self.why),
        ]
        return [
            ("GET", "/healthz", self.healthz),
            ("GET", "/status", self.status),
            ("GET", "/metrics", self.metrics),
            ("GET", "/monitoring/prometheus/metrics", self.metrics),
            ("POST", "/recommend", self.recommend),
            ("POST", "/feedback", self.feedback),
            ("GET", "/v1/{path:path}", self.model),
            ("POST", "/v1/{path:path}", self.predict),
            *page,
            *asked,
        ]

    def route(self, path: str) -> str:
        """Returns the route of a path, without names of models."""
        prefix = "/v1" if path.startswith("/v1/") else path
        return prefix if prefix in self._prefixes else "other"

    def measured(self, path: str, handler: Handler) -> Handler:
        """Returns a handler that turns errors into answers and measures the time."""
        endpoint = _prefix(path)

        async def handle(request: http.Request) -> responses.Response:
            started = time.perf_counter()
            try:
                found = await handler(request)
            except problems.Problem as problem:
                found = _refusal(problem)
            except errors.UserError as error:
                found = _refusal(problems.bad(str(error)))
            except Exception:
                _LOG.exception("%s %s failed", request.method, request.url.path)
                failed = problems.Problem(
                    problems.FAILED, "the server failed: see its log"
                )
                found = _refusal(failed)
            seconds = time.perf_counter() - started
            self._parts.measured.requests.labels(endpoint, found.status_code).inc()
            self._parts.measured.seconds.labels(endpoint).observe(seconds)
            return found

        return handle

    async def static(self, request: http.Request) -> responses.Response:
        """Answers a file of the page."""
        name, media_type = _STATIC[request.url.path]
        place = importlib.resources.files("ytdnn.ops.server").joinpath("static", name)
        return responses.Response(place.read_bytes(), media_type=media_type)

    async def healthz(self, request: http.Request) -> responses.Response:
        """Answers that a version is served, once all is loaded that is to be."""
        served = self._parts.served
        found: Json = {"version": served.current.number}
        if not served.unloaded:
            return _response(found)
        return _response(found | {"loading": served.unloaded}, problems.OVERLOADED)

    async def status(self, request: http.Request) -> responses.Response:
        """Answers with the served version, and refused ones with their reasons."""
        return _response(await self._parts.status())

    async def metrics(self, request: http.Request) -> responses.Response:
        """Answers Prometheus."""
        text = self._parts.measured.text()
        return responses.Response(text, media_type=metrics.CONTENT_TYPE)

    async def model(self, request: http.Request) -> responses.Response:
        """Answers the status or the metadata of a model."""
        name, number, rest = _asked_model(request)
        with self._parts.served.version() as version:
            if rest == "/metadata":
                self._parts.served.require(version, name, number)
                return _response(_metadata(version, name))
            if rest:
                raise _malformed(request)
            if name not in version.graphs or number not in (None, version.number):
                versions = "any versions" if number is None else f"version {number}"
                raise problems.Problem(
                    problems.NOT_FOUND, f"Could not find {versions} of model {name}"
                )
            return _response(_model_status(version))

    async def predict(self, request: http.Request) -> responses.Response:
        """Answers TensorFlow Serving's predict."""
        name, number, rest = _asked_model(request)
        if not rest.startswith(":"):
            raise _malformed(request)
        body = await bodies.read(request, self._limits)
        with self._parts.served.version() as version:
            await self._parts.served.load(version, name, number)
            signature_name = predict.signature_of(body)
            signature = version.signature(name, signature_name)
            if rest != ":predict":
                method = rest.removeprefix(":")
                raise problems.bad(
                    f"Expected {method} signature method_name to be "
                    f"tensorflow/serving/{method}. Was: tensorflow/serving/predict"
                )
            asked = predict.parse(body, signature.fields, self._limits)
            records.current().facts["version"] = version.number
            found = await signature.queue.ask(asked.rows, self._limits.answer_seconds)
            return _response(predict.answer(asked, found))

    async def recommend(self, request: http.Request) -> responses.Response:
        """Answers the friendlier endpoint."""
        body = await bodies.read(request, self._limits)
        with self._parts.served.version() as version:
            asked = await self._parts.inspector.completed(version, body, self._limits)
            return _response(
                await recommend.recommend(
                    version,
                    asked,
                    self._limits,
                    self._parts.log,
                    asked.get(schema.TIME) if schema.TIME in body else None,
                )
            )

    async def feedback(self, request: http.Request) -> responses.Response:
        """Records feedback on an answer."""
        body = await bodies.read(request, self._limits)
        with self._parts.served.version() as version:
            return _response(recommend.feedback(version, body, self._parts.log))

    async def facts(self, request: http.Request) -> responses.Response:
        """Answers with the facts that the page needs first."""
        with self._parts.served.version() as version:
            return _response(self._parts.inspector.facts(version))

    async def users(self, request: http.Request) -> responses.Response:
        """Answers with users by the beginning of their id."""
        text = request.query_params.get("query", "")
        with self._parts.served.version() as version:
            return _response(await self._parts.inspector.users(version, text))

    async def user(self, request: http.Request) -> responses.Response:
        """Answers the request of a user of the prepared set."""
        user_id = request.query_params.get("user_id", "")
        with self._parts.served.version() as version:
            return _response(await self._parts.inspector.user(version, user_id))

    async def videos(self, request: http.Request) -> responses.Response:
        """Answers with videos by a part of their title or id."""
        text = request.query_params.get("query", "")
        with self._parts.served.version() as version:
            return _response(await self._parts.inspector.videos(version, text))

    async def inspect_answer(self, request: http.Request) -> responses.Response:
        """Answers every candidate of a request."""
        body = await bodies.read(request, self._limits)
        with self._parts.served.version() as version:
            return _response(
                await self._parts.inspector.answer(version, body, self._limits)
            )

    async def why(self, request: http.Request) -> responses.Response:
        """Answers why a video has its score."""
        body = await bodies.read(request, self._limits)
        with self._parts.served.version() as version:
            return _response(
                await self._parts.inspector.why(version, body, self._limits)
            )


def _prefix(path: str) -> str:
    """Returns the part of a route's path that all its requests have."""
    return path.partition("/{")[0]


def _asked_model(request: http.Request) -> tuple[str, int | None, str]:
    found = _MODEL.fullmatch(request.url.path)
    if found is None:
        raise _malformed(request)
    number = found["version"]
    # int64 holds every number of 18 digits; TensorFlow Serving's message.
    if number is not None and len(number) > 18:
        raise problems.bad(f"Failed to convert version: {number} to numeric.")
    return found["name"], None if number is None else int(number), found["rest"] or ""


def _malformed(request: http.Request) -> problems.Problem:
    return problems.bad(f"Malformed request: {request.method} {request.url.path}")


def _model_status(version: models.Version) -> Json:
    return {
        "model_version_status": [
            {
                "version": str(version.number),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


def _metadata(version: models.Version, name: str) -> Json:
    signatures = {
        key: json_format.MessageToDict(
            signature,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for key, signature in version.graphs[name].signature_def.items()
    }
    return {
        "model_spec": {
            "name": name,
            "signature_name": "",
            "version": str(version.number),
        },
        "metadata": {"signature_def": {"signature_def": signatures}},
    }
