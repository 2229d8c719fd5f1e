"""Clients of `ytdnn serve`, synchronous and asynchronous (extra `client`).

    with client.Client("http://127.0.0.1:8501") as server:
        answer = server.recommend(watched_video_ids=["v1"], k=5)
        server.feedback(answer, answer.videos[0].video_id, clicked=True)

A request that the server refuses for want of time (503), or that a broken connection
lost, is sent again: after the time that `Retry-After` says, else after pauses that
double, as long as the call's own time lasts. The server is told how much of that is
left, and refuses at once what would come too late. Neither TensorFlow nor Polars is
imported.
"""

from ytdnn.ops.client.answers import Answer, ServerError, Video
from ytdnn.ops.client.asynchronous import AsyncClient
from ytdnn.ops.client.blocking import Client
from ytdnn.ops.client.calls import Retries

__all__ = ["Answer", "AsyncClient", "Client", "Retries", "ServerError", "Video"]
