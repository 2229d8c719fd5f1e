"""A deadline for the head of a request; uvicorn has none.

Otherwise a client that sends its header byte by byte could keep a connection for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http import auto


def protocol(seconds: float) -> type[asyncio.Protocol]:
    """Returns uvicorn's protocol, which closes a connection with a late head.

    Args:
      seconds: Maximum time between the first byte of a request and the end of its head;
        between the connection and the first byte too.
    """
    base: Any = auto.AutoHTTPProtocol

    class WithDeadline(base):
        """Counts from the connection, and again from each request on it."""

        due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._expect()
            else:
                self._calm()

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

        def _expect(self) -> None:
            if self.due is None:
                self.due = self.loop.call_later(seconds, self.transport.close)

        def _calm(self) -> None:
            if self.due is not None:
                self.due.cancel()
                self.due = None

    return WithDeadline
