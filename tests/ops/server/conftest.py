"""A server in this process, of a run of fresh weights."""

import copy
import dataclasses
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from starlette import testclient

from tests import untrained
from tests.conftest import MadeOnce
from ytdnn.base import schema
from ytdnn.bundle import bundle, user_requests
from ytdnn.ops.server import app, settings

ADDRESS = "http://127.0.0.1:8501"
MODEL = bundle.RECOMMENDER + bundle.EXACT


@dataclasses.dataclass(frozen=True)
class Server:
    """A server, and the run behind it."""

    client: testclient.TestClient
    parts: app.Server
    run: untrained.Run

    def changed(self, **parts: Any) -> testclient.TestClient:
        """Returns a client of the same server with other parts."""
        server = copy.copy(self.parts)
        for name, part in parts.items():
            setattr(server, name, part)
        return testclient.TestClient(app.application(server), ADDRESS)

    def post(self, path: str, body: Any, **more: Any) -> Any:
        return self.client.post(path, json=body, **more)

    def predict(self, body: Any, model: str = MODEL) -> Any:
        return self.post(f"/v1/models/{model}:predict", body)

    def request(self, user: str = "u3", length: int = 8, **more: Any) -> dict[str, Any]:
        """Returns what the recommender reads of a user whose history is cut."""
        found = self.run.bundle.fitting(user_requests.at_end(self.run.data, user))
        found |= {n: found[n][-length:] for n in found if n.startswith("watch")}
        found.pop(schema.K)
        return found | more

    def filled(self, **more: Any) -> dict[str, Any]:
        """Returns a request with every input given."""
        request = self.request(**more)
        fields = self.run.bundle.inputs(MODEL)
        nothing = {n: [] if f.is_list else f.missing for n, f in fields.items()}
        return nothing | {schema.K: 5} | request


@pytest.fixture(autouse=True, scope="module")
def serving_process() -> None:
    """Undoes what a training in this process left on."""
    untrained.serve_only()


@pytest.fixture(scope="session")
def workdir(untrained_run: untrained.Run, tmp_path_factory: Any) -> pathlib.Path:
    """A copy of the run that a server may be given."""
    place = tmp_path_factory.mktemp("served")
    for name in ("bundle", "data", "ranking"):
        shutil.copytree(untrained_run.workdir / name, place / name)
    return place


@pytest.fixture(scope="session")
def small_run(made_once: MadeOnce) -> untrained.Run:
    """One that is quickly loaded, for tests that load many versions."""
    return untrained.opened(made_once("small", untrained.make_small), untrained.SMALL)


def made(workdir: pathlib.Path, **changed: Any) -> settings.Settings:
    given: dict[str, Any] = {
        "bundle": workdir / "bundle",
        "data": workdir / "data",
        "inspect": True,
        "log": workdir / "log",
        "flush_seconds": 3_600.0,
        "poll_seconds": 3_600.0,
        "limits": settings.Limits(answer_seconds=600.0, queue_seconds=600.0),
    }
    return settings.Settings(**given | changed)


@pytest.fixture(scope="session")
def server(untrained_run: untrained.Run, workdir: pathlib.Path) -> Iterator[Server]:
    """A server that logs and shows users; it looks for versions when told to."""
    untrained.serve_only()
    parts = app.Server(made(workdir))
    with testclient.TestClient(app.application(parts), ADDRESS) as client:
        yield Server(client, parts, untrained_run)
