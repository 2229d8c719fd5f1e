"""The synchronous client."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2

from ytdnn.ops.client import answers, calls


class Client(calls.Calls):
    """A synchronous client; several threads may call its methods."""

    def __init__(
        self,
        address: str,
        token: str | None = None,
        timeout_seconds: float = 5.0,
        retries: calls.Retries | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        """Creates the client; connections are opened on first use.

        Args:
          address: Address of the server, such as `http://127.0.0.1:8501`.
          token: Token that the server requires.
          timeout_seconds: Maximum time of a call, retries included.
          retries: Rule of retries.
          http: HTTP client with its own address; None: a new one.
        """
        super().__init__(token, timeout_seconds, retries)
        self._http = http or httpx2.Client(base_url=address)

    def recommend(
        self,
        watched_video_ids: Sequence[answers.Id] | None = None,
        k: int = 10,
        user_id: answers.Id | None = None,
        **request: Any,
    ) -> answers.Answer:
        """Returns recommendations.

        Args:
          watched_video_ids: The history, most recent last; None: a server with a
            prepared set looks it up.
          k: Number of videos.
          user_id: Id of the user, who is logged with the answer.
          **request: Any other input of the recommender, such as `exclude_ids`, `where`
            or `max_per`.

        Raises:
          ServerError: The request was refused, or not answered in time.
        """
        return self._do(self.recommend_call(watched_video_ids, k, user_id, request))

    def feedback(
        self,
        answer: answers.Answer | str,
        video_id: answers.Id,
        clicked: bool,
        watch_seconds: float | None = None,
        **outcomes: bool | float,
    ) -> None:
        """Sends feedback on a video of an answer.

        Args:
          answer: The answer, or its `request_id`.
          video_id: The video.
          clicked: Whether the video was clicked.
          watch_seconds: Watch time, seconds.
          **outcomes: Other outcomes, such as `liked`.

        Raises:
          ServerError: The feedback was refused, or not answered in time.
        """
        self._do(self.feedback_call(answer, video_id, clicked, watch_seconds, outcomes))

    def predict(
        self,
        model: str,
        instances: Sequence[Mapping[str, Any]],
        signature: str = "serving_required",
    ) -> list[Any]:
        """Returns the prediction for each instance, by TensorFlow Serving's REST API.

        Args:
          model: Name of a model of the bundle.
          instances: Inputs of each instance, by name.
          signature: Name of the signature.

        Raises:
          ServerError: The request was refused, or not answered in time.
        """
        return self._do(self.predict_call(model, instances, signature))

    def status(self) -> answers.Json:
        """Returns the versions that are served, loaded and refused."""
        return self._do(self.call("GET", "/status"))

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Returns the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes its connections."""
        self.close()

    def _do(self, call: calls.Call) -> Any:
        reply: calls.Reply = None
        try:
            while True:
                wanted = call.send(reply)
                if isinstance(wanted, float):
                    time.sleep(wanted)
                    reply = None
                else:
                    reply = self._send(wanted)
        except StopIteration as done:
            return done.value

    def _send(self, request: answers.Json) -> calls.Reply:
        try:
            return self._http.request(**request)
        except httpx2.TransportError as error:
            return error
