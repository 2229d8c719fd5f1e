"""The outermost application: creates a record of each request, and writes it."""

from collections.abc import Callable

from ytdnn.ops.server import access, access_log, problems, records, telemetry

_NONE = 0  # status of a request whose client went before its answer


class Recorder:
    """Adds an id to requests and answers, and passes records to logs and traces."""

    def __init__(
        self,
        app: access.App,
        log: access_log.AccessLog | None,
        tracing: telemetry.Tracing | None,
        route: Callable[[str], str],
    ) -> None:
        """Wraps the application.

        Args:
          app: Application that answers.
          log: Log of requests; None without one.
          tracing: Traces of requests; None without them.
          route: Function that returns the route of a path.
        """
        self._app = app
        self._log, self._tracing, self._route = log, tracing, route

    async def __call__(
        self, scope: access.Scope, receive: access.Receive, send: access.Send
    ) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = scope["headers"]
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in given}
        status, size = _NONE, 0

        async def observed(message: access.Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (records.ID_HEADER.encode(), record.request_id.encode())
                message["headers"] = [*message.get("headers", ()), own]
            else:
                size += len(message.get("body", b""))
            await send(message)

        problem = None
        try:
            record = records.begin(headers)
        except problems.Problem as error:
            record, problem = records.current(), error
        try:
            if problem is None:
                await self._app(scope, receive, observed)
            else:
                await problems.answer(problem, observed)
        finally:
            method, path = scope["method"], scope["path"]
            if self._log is not None:
                self._log.write(record, method, path, status, size)
            if self._tracing is not None:
                route = self._route(path)
                self._tracing.write(record, method, route, status, headers)
