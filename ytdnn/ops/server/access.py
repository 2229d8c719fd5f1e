"""Access to the server: Host header, token, and bodies within limits.

A page of another site can neither read an answer (no CORS header is ever sent) nor post
a request (only JSON bodies are accepted, which need a preflight); DNS rebinding is
refused by the Host header.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
from typing import Any

from starlette import requests as http

from ytdnn.base import errors
from ytdnn.bundle import requests
from ytdnn.ops.server import problems, settings

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_MOST_UNREAD = 16  # limits that a body's rest is waited for, without keeping it
_LONG = 2**14  # bytes that are parsed in a thread, not in the event loop


class Guard:
    """Refuses requests without access."""

    def __init__(self, given: settings.Settings) -> None:
        """Reads the token and the accepted names."""
        self._token = given.token.encode() if given.token else None
        self._names = {name.lower() for name in (*given.hosts, given.host)}
        self._names |= set(settings.LOOPBACK_NAMES)
        # A wildcard is reached by any address of the machine; no name is an address,
        # so none can be rebound.
        self._takes_addresses = given.host in ("0.0.0.0", "::")

    def check(self, request: http.Request) -> None:
        """Checks host, origin, token and type of the body.

        Raises:
          problems.Problem: The request is refused.
        """
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            shown = ", ".join(hosts) or "none"
            raise problems.Problem(
                problems.FORBIDDEN,
                f"expected the name of this server as Host, received {shown}: name "
                f"it with --allowed_hosts",
            )
        if {"content-length", "transfer-encoding"} <= set(request.headers):
            # A proxy may read the other one, and take the rest for a second request.
            both = problems.bad(
                "expected Content-Length or Transfer-Encoding, not both"
            )
            both.headers["connection"] = "close"
            raise both
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != hosts[0]:
            raise problems.Problem(
                problems.FORBIDDEN, f"expected no page of another site, found {origin}"
            )
        if self._token and not self._has_token(request):
            raise problems.Problem(
                problems.NO_TOKEN,
                "expected the header Authorization: Bearer TOKEN (or the token as the "
                "password), received none or another",
            )
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if request.method == "POST" and kind.lower() != "application/json":
            raise problems.Problem(
                problems.WRONG_TYPE,
                f"expected the header Content-Type: application/json, received "
                f"{kind or 'none'}",
            )

    def _is_own(self, host: str) -> bool:
        is_bracketed = host.startswith("[")
        name = host[1:].partition("]")[0] if is_bracketed else host.partition(":")[0]
        if name.lower() in self._names:
            return True
        try:
            return self._takes_addresses and bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    def _has_token(self, request: http.Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = given.strip().encode("latin-1")
        if scheme.lower() == "basic":
            try:
                token = base64.b64decode(token, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return self._token is not None and hmac.compare_digest(token, self._token)


async def body(request: http.Request, limits: settings.Limits) -> dict[str, Any]:
    """Returns the JSON object in the body of a request.

    Raises:
      problems.Problem: The body is too large, too slow, or no JSON object.
      errors.UserError: An object has a key twice.
    """
    value = await json_value(request, limits)
    if not isinstance(value, dict):
        raise problems.bad(f"expected a JSON object, received {errors.shown(value)}")
    return value


async def json_value(request: http.Request, limits: settings.Limits) -> Any:
    """Returns the value of JSON in the body of a request.

    Raises:
      problems.Problem: The body is too large, too slow, or no JSON.
      errors.UserError: An object has a key twice, or the address has a query, which
        would not be read.
    """
    query = str(request.scope.get("query_string", b""), "latin-1")
    is_predict = request.scope.get("path", "").startswith("/v1/")  # as TF Serving does
    errors.require(is_predict or not query, "all keys", "in the body", f"?{query}")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise problems.Problem(
            problems.WRONG_TYPE, "expected a body without Content-Encoding"
        )
    text, size = bytearray(), 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for piece in request.stream():
                size += len(piece)
                if size <= limits.body_bytes:
                    text += piece
                # Some clients read an answer only when they have sent their body.
                elif size > _MOST_UNREAD * limits.body_bytes:
                    break
    except TimeoutError:
        raise problems.Problem(
            problems.TOO_SLOW,
            f"expected the whole body within {limits.body_seconds:g} s",
        ) from None
    except http.ClientDisconnect:
        raise problems.bad("expected the whole body, received a part") from None
    if size > limits.body_bytes:
        raise problems.Problem(
            problems.TOO_LARGE,
            f"expected a body of at most {limits.body_bytes:,} bytes, received more",
        )
    if size < _LONG:
        return _parsed(bytes(text))
    return await asyncio.to_thread(_parsed, bytes(text))


def _parsed(text: bytes) -> Any:
    try:
        return requests.loads(text)
    except ValueError as error:
        raise problems.bad(f"expected a body of JSON: {error}") from None
