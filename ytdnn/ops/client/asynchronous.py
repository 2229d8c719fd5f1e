"""The client for asyncio."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2

from ytdnn.ops.client import answers, calls


class AsyncClient(calls.Calls):
    """The client for asyncio; its methods are those of `Client`."""

    def __init__(
        self,
        address: str,
        token: str | None = None,
        timeout_seconds: float = 5.0,
        retries: calls.Retries | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """Creates the client; connections are opened on first use. See `Client`."""
        super().__init__(token, timeout_seconds, retries)
        self._http = http or httpx2.AsyncClient(base_url=address)

    async def recommend(
        self,
        watched_video_ids: Sequence[answers.Id] | None = None,
        k: int = 10,
        user_id: answers.Id | None = None,
        **request: Any,
    ) -> answers.Answer:
        """Returns recommendations; see `Client.recommend`."""
        return await self._do(
            self.recommend_call(watched_video_ids, k, user_id, request)
        )

    async def feedback(
        self,
        answer: answers.Answer | str,
        video_id: answers.Id,
        clicked: bool,
        watch_seconds: float | None = None,
        **outcomes: bool | float,
    ) -> None:
        """Sends feedback on a video of an answer; see `Client.feedback`."""
        told = self.feedback_call(answer, video_id, clicked, watch_seconds, outcomes)
        await self._do(told)

    async def predict(
        self,
        model: str,
        instances: Sequence[Mapping[str, Any]],
        signature: str = "serving_required",
    ) -> list[Any]:
        """Returns the prediction for each instance; see `Client.predict`."""
        return await self._do(self.predict_call(model, instances, signature))

    async def status(self) -> answers.Json:
        """Returns the versions that are served, loaded and refused."""
        return await self._do(self.call("GET", "/status"))

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Returns the client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes its connections."""
        await self.close()

    async def _do(self, call: calls.Call) -> Any:
        reply: calls.Reply = None
        try:
            while True:
                wanted = call.send(reply)
                if isinstance(wanted, float):
                    await asyncio.sleep(wanted)
                    reply = None
                else:
                    reply = await self._send(wanted)
        except StopIteration as done:
            return done.value

    async def _send(self, request: answers.Json) -> calls.Reply:
        try:
            return await self._http.request(**request)
        except httpx2.TransportError as error:
            return error
