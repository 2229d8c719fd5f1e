"""Access control: checks the Host header, the token and the type of the body.

It is an ASGI application around the server's, so that it covers every path. A page of
another site can neither read an answer (no CORS header is ever sent) nor post a request
(only JSON bodies are accepted, which need a preflight); DNS rebinding is refused by the
Host header.
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from ytdnn.ops.server import problems, settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_WITH_BODY = ("POST",)  # no path takes another method that brings one


class Guard:
    """Refuses requests without access, and adds headers to all answers."""

    def __init__(self, app: App, given: settings.Settings) -> None:
        """Wraps the application."""
        self._app = app
        self._token = given.token.encode() if given.token else None
        self._names = {name.lower() for name in (*given.hosts, given.host)}
        self._names |= set(settings.LOOPBACK_NAMES)
        # A wildcard is reached by any address of the machine; no name is an address,
        # so none can be rebound.
        self._takes_addresses = given.host in ("0.0.0.0", "::")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
                return
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        problem = self._refused(scope["method"], scope["headers"])
        if problem is None:
            await self._app(scope, receive, with_headers)
            return
        await problems.answer(problem, with_headers)

    def _refused(
        self, method: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> problems.Problem | None:
        given = [(name, value.decode("latin-1")) for name, value in headers]
        hosts = [value for name, value in given if name == b"host"]
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            shown = ", ".join(hosts) or "none"
            return problems.Problem(
                problems.FORBIDDEN,
                f"expected the name of this server as Host, received {shown}: name "
                f"it with --allowed_hosts",
            )
        values = dict(given)
        origin = values.get(b"origin")
        if origin is not None and origin.partition("://")[2] != hosts[0]:
            return problems.Problem(
                problems.FORBIDDEN, f"expected no page of another site, found {origin}"
            )
        if self._token and not self._has_token(values.get(b"authorization", "")):
            return problems.Problem(
                problems.NO_TOKEN,
                "expected the header Authorization: Bearer TOKEN (or the token as the "
                "password), received none or another",
            )
        kind = values.get(b"content-type", "").partition(";")[0].strip().lower()
        if method in _WITH_BODY and kind != "application/json":
            return problems.Problem(
                problems.WRONG_TYPE,
                f"expected the header Content-Type: application/json, received "
                f"{kind or 'none'}",
            )
        return None

    def _is_own(self, host: str) -> bool:
        name = _without_port(host).lower()
        if name in self._names:
            return True
        return self._takes_addresses and _is_address(name)

    def _has_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        found = given.strip().encode("latin-1")
        if scheme.lower() == "basic":
            try:
                found = base64.b64decode(found, validate=True).partition(b":")[2]
            except binascii.Error:
                found = b""
        elif scheme.lower() != "bearer":
            found = b""
        return self._token is not None and hmac.compare_digest(found, self._token)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
