"""Weights of outcomes in requests over HTTP: the order, each outcome, the refusals."""

import pathlib
from collections.abc import Iterator

import numpy as np
import pytest
from starlette import testclient

from tests import untrained
from tests.bundle import test_outcome_weights as outcomes
from tests.conftest import MadeOnce
from tests.ops.server import conftest
from ytdnn.ops.server import app

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def server_of_outcomes(made_once: MadeOnce) -> Iterator[conftest.Server]:
    """A server of a ranker that predicts two outcomes and an amount."""
    workdir = made_once("outcomes", outcomes.make)
    run = untrained.opened(workdir, outcomes.CONFIG)
    untrained.serve_only()
    parts = app.Server(conftest.made(pathlib.Path(workdir)))
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        yield conftest.Server(client, parts, run)


def _recommended(server: conftest.Server, **more: object) -> list[dict]:
    response = server.post("/recommend", server.request(k=8, **more))
    assert response.status_code == 200, response.text
    return response.json()["videos"]


def test_a_request_is_ordered_by_its_weights(
    server_of_outcomes: conftest.Server,
) -> None:
    plain = _recommended(server_of_outcomes)
    weights = {"watch_seconds": 0.01, "liked": 3, "disliked": -2, "price": 0.5}
    found = _recommended(server_of_outcomes, weights=weights)
    columns = ["expected_watch_seconds", "liked", "disliked", "price"]
    values = np.array([[one[name] for name in columns] for one in found])
    expected = values @ np.array(list(weights.values()))
    scores = [one["score"] for one in found]
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert scores == sorted(scores, reverse=True)
    assert [v["video_id"] for v in found] != [v["video_id"] for v in plain]
