"""`ytdnn.ops.client` against the server."""

import asyncio

import httpx2
import pytest

from tests.ops.server import conftest
from ytdnn.ops import client
from ytdnn.ops.server import app


def test_the_blocking_client_asks_the_server(server: conftest.Server) -> None:
    http = server.client
    asked = client.Client(conftest.ADDRESS, timeout_seconds=600.0, http=http)
    answer = asked.recommend(**server.request(), k=4)
    expected = server.post("/recommend", server.request(k=4)).json()
    found = [one.video_id for one in answer.videos]
    assert found == [one["video_id"] for one in expected["videos"]]
    assert answer.version == asked.status()["version"]
    asked.feedback(answer, found[0], clicked=True, watch_seconds=3.5)
    with pytest.raises(client.ServerError, match="video_id of a video in the"):
        asked.feedback(answer, "nowhere", clicked=False)
    instance = {"watched_video_ids": ["video 1"], "k": 2}
    (prediction,) = asked.predict(conftest.MODEL, [instance])
    assert prediction["num_results"] == 2


def test_the_async_client_asks_the_server(server: conftest.Server) -> None:
    async def main() -> list[client.Answer]:
        transport = httpx2.ASGITransport(app.application(server.parts))
        http = httpx2.AsyncClient(base_url=conftest.ADDRESS, transport=transport)
        async with client.AsyncClient("", timeout_seconds=600, http=http) as asked:
            await asked.status()
            return await asyncio.gather(*(asked.recommend(k=k) for k in (2, 3)))

    assert [len(one.videos) for one in asyncio.run(main())] == [2, 3]
