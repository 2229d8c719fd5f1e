"""The application: the parts of a server, and a handler for each path."""

import asyncio
import contextlib
import importlib.resources
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

import fastapi
from google.protobuf import json_format
from starlette import exceptions, responses
from starlette import requests as http

from ytdnn.base import errors, schema
from ytdnn.ops.server import (
    access,
    batching,
    current_request,
    hot_swap,
    inspector,
    joined_log,
    live_counters,
    loaded_version,
    metrics,
    predict,
    problems,
    recommend,
    served_log,
    served_state,
    settings,
)
from ytdnn.ops.state import store

_LOG = logging.getLogger("ytdnn.ops.server")
_STATIC = {
    "/": ("inspector.html", "text/html; charset=utf-8"),
    "/inspector.css": ("inspector.css", "text/css; charset=utf-8"),
    "/inspector.js": ("inspector.js", "text/javascript; charset=utf-8"),
}
Json = dict[str, Any]
Request = http.Request
Response = responses.Response
Version = loaded_version.Version
Handler = Callable[[Request, Version], Awaitable[Any]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Server:
    """The parts of a running server.

    Attributes:
      given: The settings.
      guard: Access control.
      threads: Threads that run models.
      served: Holder of the served version.
      log: Log of answers and feedback; None: nothing is logged.
      state: Live state; None: events are not taken.
      answers: Videos of the last answers, by the id of the request.
      counters: Counters of the served version; None: those of the export.
      inspector: Backend of the inspector's page.
      access_log: Log of requests; None without one.
      tracing: Traces of requests; None without them.
    """

    def __init__(
        self, given: settings.Settings, say: Callable[[str], None] = _LOG.info
    ) -> None:
        """Loads the bundle.

        Args:
          given: The settings.
          say: Function that is called with each message.

        Raises:
          errors.UserError: The bundle cannot be served, or a package is missing.
          OSError: A log cannot be created.
        """
        self.given = given
        self.guard = access.Guard(given)
        self.tracing = current_request.Tracing() if given.traces else None
        place = given.access_log
        self.access_log = current_request.AccessLog(place) if place else None
        size = given.batching, given.limits.queue_seconds, given.threads_of_a_process
        self.threads = batching.Threads(*size)
        self.inspector = inspector.Inspector(given)
        self.state = self.counters = None
        self.answers: dict[str, Any] = {}
        if given.state:  # one that is none is refused before the models are loaded
            self.state = served_state.ServedState(given, self.inspector.data)
            self.counters = live_counters.LiveCounters(self.state, given.data)
        self.served = hot_swap.ServedVersions(given, self.threads, say)
        bundle = self.served.current.bundle
        kinds = bundle.id_type, bundle.own_outcomes
        self.log = served_log.ServedLog(given.log, *kinds) if given.log else None
        if self.counters is not None:
            self.served.prepare = self.counters.prepare

    def status(self) -> Json:
        """Returns the served version, and refused ones with their reasons."""
        log = self.log and {
            "directory": str(self.log.directory),
            "flush_seconds": self.given.flush_seconds,
            "problem": self.log.problem or None,
        }
        running = sorted(metrics.versions().items())
        processes = [{"process": one, "version": number} for one, number in running]
        state = self.counters and self.counters.status()
        kept = {"served_log": log, "state": state, "processes": processes}
        return self.served.status() | kept

    async def flush(self) -> None:
        """Writes the served log from time to time, until it is cancelled."""
        while self.log is not None:
            await asyncio.sleep(self.given.flush_seconds)
            await asyncio.to_thread(self.log.flush)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Returns the work beside requests, which goes on until it is cancelled."""
        work = [self.served.watch(), self.flush()]
        if self.state is not None and self.counters is not None:
            watches = self.state.prune, self.state.videos.watch, self.counters.watch
            work += [watch(lambda: self.served.current) for watch in watches]
        return work

    def record(self, user_id: str | int | None, row: Json) -> None:
        """Records an answer to a user in the served log and in the state."""
        self.answers[row[joined_log.REQUEST_ID]] = row[joined_log.VIDEO_IDS]
        if len(self.answers) > 10_000:  # on which feedback is checked
            del self.answers[next(iter(self.answers))]
        if self.log is not None:
            self.log.add(joined_log.ANSWERS, row)
        if self.state is not None and user_id is not None:
            self.state.shown(user_id, row)

    async def close(self) -> None:
        """Writes what is in memory, and frees it."""
        ends: list[Any] = [self.state and self.state.store.close]
        ends += [self.log and self.log.flush, self.tracing and self.tracing.close]
        ends += [self.access_log and self.access_log.close]
        for end in filter(None, ends):
            await asyncio.to_thread(end)
        self.served.current.close()
        self.threads.close()


def application(server: Server) -> fastapi.FastAPI:
    """Returns the application of a server."""

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in server.work()]
        metrics.PROCESSES.set(1)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.close()

    # A redirect would be answered before any check.
    app = fastapi.FastAPI(openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    routes = _Routes(server)
    for method, path, handler in routes.table():
        # Bodies and errors are ours throughout: no validation of FastAPI's is seen.
        name = path.partition("/{")[0]
        app.router.add_route(path, routes.guarded(name, handler), methods=[method])

    async def refuse(request: Request, error: Exception) -> Response:
        """Answers an unknown path or method."""

        async def handler(request: Request, _: Version) -> Json:
            raise error

        return await routes.guarded("other", handler)(request)

    app.add_exception_handler(exceptions.HTTPException, refuse)
    return app


class _Routes:
    """The answer of each path."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.given.limits

    def table(self) -> list[tuple[str, str, Handler]]:
        """Returns method, path and handler of each."""
        page = self._server.inspector
        model = "/v1/models/{name}"
        version = model + "/versions/{number}"
        return [
            ("GET", "/healthz", self.healthz),
            ("GET", "/status", self.status),
            ("GET", "/metrics", self.metrics),
            ("GET", "/monitoring/prometheus/metrics", self.metrics),
            ("POST", "/recommend", self.recommend),
            ("POST", "/feedback", self.feedback),
            ("POST", "/events", self.events),
            ("DELETE", "/users/{user_id:path}", self.remove_user),
            *(("GET", path, self.model) for path in (model, version)),
            *(("GET", f"{path}/metadata", self.metadata) for path in (model, version)),
            *(("POST", f"{path}:predict", self.predict) for path in (model, version)),
            *(("GET", path, self.static) for path in _STATIC),
            ("GET", "/inspect/facts", page.facts),
            ("GET", "/inspect/users", page.users),
            ("GET", "/inspect/user", page.user),
            ("GET", "/inspect/videos", page.videos),
            ("POST", "/inspect/answer", page.answer),
            ("POST", "/inspect/why", page.why),
        ]

    def guarded(self, endpoint: str, handler: Handler) -> Endpoint:
        """Returns an endpoint that checks access, answers errors, and records times.

        Args:
          endpoint: Name of the path in metrics and traces, without names of models.
          handler: Function that answers.
        """

        async def handle(request: Request) -> Response:
            record = current_request.begin(request.headers)
            tracing, access_log = self._server.tracing, self._server.access_log
            named = record, f"{request.method} {endpoint}", request.headers
            with tracing.span(*named) if tracing else contextlib.nullcontext():
                response = await self._answer(request, record, handler)
                record.status = response.status_code
            response.headers.update(access.HEADERS)
            response.headers[current_request.ID_HEADER] = record.request_id
            metrics.REQUESTS.labels(endpoint, response.status_code).inc()
            metrics.REQUEST_SECONDS.labels(endpoint).observe(record.seconds)
            if access_log is not None:
                access_log.write(record, request, response)
            return response

        return handle

    async def _answer(
        self, request: Request, record: current_request.Record, handler: Handler
    ) -> Response:
        """Returns the answer to a request, also if it is refused or fails."""
        try:
            self._server.guard.check(request)
            record.read_timeout(request.headers)
            with self._server.served.version() as version:
                value = await handler(request, version)
            return value if isinstance(value, Response) else _response(value)
        except problems.Problem as error:
            problem = error
        except errors.UserError as error:
            problem = problems.bad(str(error))
        except store.StateError as error:
            text = f"the state cannot be read or written: {error}"
            problem = problems.Problem(problems.OVERLOADED, text, 1)
        except exceptions.HTTPException as error:
            text = f"Malformed request: {request.method} {request.url.path}"
            allowed = (error.headers or {}).get("Allow")
            text += f" (allowed: {allowed})" if allowed else ""
            problem = problems.Problem(error.status_code, text)
            problem.headers |= error.headers or {}
        except Exception:
            _LOG.exception("%s %s failed", request.method, request.url.path)
            text = "the server failed: see its log"
            problem = problems.Problem(problems.FAILED, text)
        return _response({"error": problem.message}, problem.status, problem.headers)

    async def static(self, request: Request, _: Version) -> Response:
        """Answers a file of the page."""
        name, media_type = _STATIC[request.url.path]
        place = importlib.resources.files("ytdnn.ops.server").joinpath("static", name)
        return Response(place.read_bytes(), media_type=media_type)

    async def healthz(self, _: Request, version: Version) -> Json:
        """Answers that a version is served."""
        return {"version": version.number}

    async def status(self, _: Request, version: Version) -> Json:
        """Answers with the served version, and refused ones with their reasons."""
        return await asyncio.to_thread(self._server.status)

    async def metrics(self, _: Request, version: Version) -> Response:
        """Answers Prometheus."""
        return Response(metrics.text(), media_type=metrics.CONTENT_TYPE)

    async def model(self, request: Request, version: Version) -> Json:
        """Answers the status of a model."""
        version.require(**request.path_params)
        status = {"error_code": "OK", "error_message": ""}
        number = str(version.number)
        state = {"version": number, "state": "AVAILABLE", "status": status}
        return {"model_version_status": [state]}

    async def metadata(self, request: Request, version: Version) -> Json:
        """Answers the signatures of a model."""
        version.require(**request.path_params)
        name = request.path_params["name"]
        signatures = json_format.MessageToDict(
            version.graphs[name],
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )["signature_def"]
        number = str(version.number)
        return {
            "model_spec": {"name": name, "signature_name": "", "version": number},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }

    async def predict(self, request: Request, version: Version) -> Json:
        """Answers TensorFlow Serving's predict."""
        body = await access.body(request, self._limits)
        version.require(**request.path_params)
        signature = await self._server.served.signature(
            version, request.path_params["name"], predict.signature_name(body)
        )
        parsed = predict.parse(body, signature.fields, self._limits)
        current_request.current().facts["version"] = version.number
        answered = await signature.queue.ask(parsed.rows, self._limits.answer_seconds)
        return predict.answer(parsed, answered.outputs)

    async def recommend(self, request: Request, version: Version) -> Json:
        """Answers the friendlier endpoint."""
        body = await access.body(request, self._limits)
        _, user_id, _ = recommend.split(body, self._limits)
        known, notes = Json(), list[str]()
        # A prepared user's request has the end of the log as its time, at which nothing
        # was shown.
        time = body.get(schema.TIME)
        if user_id is not None and schema.WATCHED_VIDEO_IDS not in body:
            histories = self._server.state or self._server.inspector
            known, notes = await histories.history(version, user_id, time)
        return await recommend.recommend(
            version, known | body, self._limits, self._server.record, time, notes
        )

    async def feedback(self, request: Request, version: Version) -> Json:
        """Records feedback on an answer."""
        log, state = self._server.log, self._server.state
        body = await access.body(request, self._limits)
        if log is None and state is None:
            raise problems.Problem(
                problems.NOT_FOUND,
                "nothing is logged: start the server with --log=DIR or --state=FILE",
            )
        row = recommend.feedback(version, body)
        video, request_id = row[schema.VIDEO_ID], row[joined_log.REQUEST_ID]
        fits = video in self._server.answers.get(request_id, (video,))
        errors.require(fits, schema.VIDEO_ID, "one of the answer it names", video)
        if state is not None:
            await state.feedback(version, row)
        if log is not None:
            log.add(joined_log.FEEDBACK, row)
        return {}

    async def events(self, request: Request, version: Version) -> Json:
        """Stores an event, or a list of events."""
        state = self._state()
        return await state.post(version, await access.json_value(request, self._limits))

    async def remove_user(self, request: Request, version: Version) -> Json:
        """Removes a user from the state."""
        return await self._state().remove(request.path_params["user_id"])

    def _state(self) -> served_state.ServedState:
        if self._server.state is None:
            raise problems.Problem(
                problems.NOT_FOUND, "there is no state: start the server with --state"
            )
        return self._server.state


def _response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Response(text, status, headers=headers, media_type="application/json")
