"""Clients of `ytdnn serve`, synchronous and asynchronous (extra `client`).

    with client.Client("http://127.0.0.1:8501") as server:
        answer = server.recommend(watched_video_ids=["v1"], k=5)
        server.feedback(answer, answer.videos[0].video_id, clicked=True)

A request is retried if the server is overloaded (503) or the connection breaks: after
the time in `Retry-After`, else after doubling pauses, until the call's own timeout. The
server receives the remaining time, and refuses at once a request that it cannot answer
in time. Neither TensorFlow nor Polars is imported.
"""

from ytdnn.ops.client.answers import Answer, ServerError, Video
from ytdnn.ops.client.asynchronous import AsyncClient
from ytdnn.ops.client.blocking import Client
from ytdnn.ops.client.calls import Retries

__all__ = ["Answer", "AsyncClient", "Client", "Retries", "ServerError", "Video"]
