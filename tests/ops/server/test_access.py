"""Each line of what docs/serving.md promises of security."""

import base64
import functools
import pathlib

import pytest
from starlette import testclient

from tests.ops.server import conftest
from ytdnn.base import errors
from ytdnn.ops.server import access, app, inspector, settings, start

TestClient = testclient.TestClient
Server = conftest.Server

TOKEN = "a token of some length"
JSON = {"Content-Type": "application/json"}
PATHS = (
    "/",
    "/inspector.js",
    "/inspector.css",
    "/healthz",
    "/status",
    "/metrics",
    "/monitoring/prometheus/metrics",
    "/inspect/facts",
    "/inspect/users",
    "/inspect/user",
    "/inspect/videos",
    "/v1/models/recommender_exact",
    "/v1/models/recommender_exact/metadata",
    "/nowhere",
)
POSTED = (
    "/recommend",
    "/feedback",
    "/inspect/answer",
    "/inspect/why",
    "/v1/models/recommender_exact:predict",
)


@pytest.fixture(scope="module")
def guarded(server: Server) -> TestClient:
    """The same server behind a token and another name."""
    given = settings.Settings(
        bundle=pathlib.Path(),
        token=TOKEN,
        host="0.0.0.0",
        hosts=("Recommender.Example",),
    )
    return server.changed(guard=access.Guard(given))


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert settings.Settings(bundle=pathlib.Path()).host == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_another_address_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(errors.UserError, match="expected a token to listen on"):
        settings.Settings(bundle=pathlib.Path(), host=host)
    assert settings.Settings(bundle=pathlib.Path(), host=host, token=TOKEN)


def test_a_body_of_two_lengths_is_refused(server: Server) -> None:
    kind = {"Content-Type": "application/json"}
    both = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    for headers, status in ((both, 400), ({"Transfer-Encoding": "chunked"}, 200)):
        sent = server.client.build_request(
            "POST", "/recommend", content=b"{}", headers=kind
        )
        del sent.headers["Content-Length"]
        sent.headers.update(headers)
        answer = server.client.send(sent)
        assert answer.status_code == status
        assert (answer.headers.get("connection") == "close") is (status == 400)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert settings.Settings(bundle=pathlib.Path(), host=host)


def test_the_token_is_of_a_file_or_the_environment(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert start.token(path, None) == start.token(None, TOKEN) == TOKEN
    assert start.token(None, None) is None
    for text in ("", "short", "ä" * 20):
        path.write_text(text)
        with pytest.raises(errors.UserError, match="at least 16 printable ASCII"):
            start.token(path, None)
    with pytest.raises(errors.UserError, match="could not read it: No such file"):
        start.token(tmp_path / "none", None)


@pytest.mark.parametrize("path", [*PATHS, *POSTED])
def test_every_path_asks_for_the_token(guarded: TestClient, path: str) -> None:
    ask = guarded.get if path in PATHS else functools.partial(guarded.post, json={})
    for headers in (
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
    ):
        answer = ask(path, headers=headers)
        assert answer.status_code == 401
        assert list(answer.json()) == ["error"]
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert ask(path, headers=bearer()).status_code != 401


def test_a_browser_gives_the_token_as_a_password(guarded: TestClient) -> None:
    for given, status in ((TOKEN, 200), ("another", 401)):
        word = base64.b64encode(f"anyone:{given}".encode()).decode()
        headers = {"Authorization": f"Basic {word}"}
        assert guarded.get("/healthz", headers=headers).status_code == status
    headers = {"Authorization": "Basic ???"}
    assert guarded.get("/healthz", headers=headers).status_code == 401


def test_no_redirect_is_answered_without_the_token(guarded: TestClient) -> None:
    assert guarded.get("/healthz/", follow_redirects=False).status_code == 401


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8501", 200),
        ("localhost:9", 200),
        ("LOCALHOST", 200),
        ("[::1]:8501", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8501", 403),
        ("192.168.1.5:8501", 403),
        ("", 403),
    ],
)
def test_a_name_that_is_rebound_is_refused(
    server: Server, host: str, status: int
) -> None:
    assert server.client.get("/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("recommender.example:80", 200),
        ("192.168.1.5:8501", 200),  # an address is no name that can be rebound
        ("evil.example", 403),
    ],
)
def test_names_are_allowed_by_name(guarded: TestClient, host: str, status: int) -> None:
    answer = guarded.get("/healthz", headers=bearer() | {"Host": host})
    assert answer.status_code == status


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/x"]
)
def test_only_json_is_taken(server: Server, path: str, kind: str | None) -> None:
    """What a page of another site can post without being asked is none of it."""
    headers = {} if kind is None else {"Content-Type": kind}
    answer = server.client.post(path, content="{}", headers=headers)
    assert answer.status_code == 415
    assert "expected the header Content-Type: application/json" in answer.text


def test_no_other_site_is_let_in(server: Server) -> None:
    origin = {"Origin": "https://evil.example"}
    asked = {"Access-Control-Request-Method": "POST"}
    answer = server.client.options("/recommend", headers=origin | asked)
    assert answer.status_code >= 400
    for found in (answer, server.client.get("/healthz", headers=origin)):
        assert found.status_code >= 400
        assert not [n for n in found.headers if n.startswith("access-control")]
    own = {"Origin": conftest.ADDRESS}
    assert server.post("/recommend", {}, headers=own).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_a_strict_policy(server: Server, path: str) -> None:
    headers = server.client.get(path).headers
    policy = dict(
        part.strip().split(" ", 1)
        for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_users_are_shown_only_to_inspect(server: Server, workdir: pathlib.Path) -> None:
    given = conftest.made(workdir, inspect=False)
    client = server.changed(given=given, log=None, inspector=inspector.Inspector(given))
    for path in ("/inspect/users", "/inspect/user?user_id=u3"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert "--inspect" in answer.json()["error"]
        assert "u3" not in answer.text
    # A user's id is opaque: no history is filled in.
    asked = {"user_id": "u3", "k": 5}
    answer = client.post("/recommend", json=asked).json()
    assert answer["videos"] == client.post("/recommend", json={"k": 5}).json()["videos"]
    assert answer["videos"] != server.post("/recommend", asked).json()["videos"]


def test_titles_are_text_to_the_page() -> None:
    """The script puts no markup in from what it is told."""
    script = pathlib.Path(app.__file__).with_name("static") / "inspector.js"
    text = script.read_text()
    for markup in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert markup not in text
    assert "eval(" not in text
    assert "textContent" in text
