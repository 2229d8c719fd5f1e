"""The page at `/`, and what it asks."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator

import pytest

from tests.lab.pages import browser
from tests.ops.server import conftest, live
from ytdnn.base import schema
from ytdnn.ops.server import app


def test_the_facts_tell_the_page_what_it_asks_with(server: conftest.Server) -> None:
    facts = server.client.get("/inspect/facts").json()
    assert facts["inspect"]
    assert facts["version"] == 1
    assert "channel_id" in facts["limits"]["caps"]
    assert "language in" in facts["limits"]["conditions"]
    assert facts["limits"]["weights"] == []


def test_users_and_videos_are_found(server: conftest.Server) -> None:
    found = server.client.get("/inspect/users?query=u2").json()
    assert found["number"] == 30
    assert found["users"] == [f"u2{n}" for n in ["", *range(10)]]
    user = server.client.get("/inspect/user?user_id=u3").json()
    assert user["request"] == server.request(length=10**6)
    watched = user["request"][schema.WATCHED_VIDEO_IDS]
    assert user["num_watched"] == len(watched)
    assert [one["video_id"] for one in user["history"]] == watched[::-1]
    answer = server.client.get("/inspect/user?user_id=nobody")
    assert answer.status_code == 400
    assert "expected a user of the 30" in answer.json()["error"]
    videos = server.client.get("/inspect/videos?query=v1").json()["videos"]
    assert {"v1", "v10"} <= {one["video_id"] for one in videos}


def test_an_answer_has_every_candidate(
    server: conftest.Server,
) -> None:
    request = server.request(user_id="u3")
    found = server.post("/inspect/answer", request).json()
    page = [one for one in found["candidates"] if one["rank"]]
    page.sort(key=lambda one: one["rank"])
    assert page == server.post("/recommend", request | {"k": 100}).json()["videos"]
    assert len(found["candidates"]) >= len(page)
    assert set(found["seconds"]) == {"candidates", "ranking"}
    body = {"watched_video_ids": ["v1", "v2"], "watch_times": [0]}
    history = server.post("/inspect/answer", body).json()["history"]
    assert [one["time"] for one in history] == [None, None]


def test_why_is_what_each_feature_changes(server: conftest.Server) -> None:
    request = server.request()
    videos = server.post("/recommend", request | {"k": 3}).json()["videos"]
    why = server.post("/inspect/why", request | {"video_id": videos[0]["video_id"]})
    found = why.json()
    seconds = videos[0]["expected_watch_seconds"]
    assert found["score"] == pytest.approx(seconds, rel=1e-4)
    assert found["score_meaning"].startswith("expected watch seconds")
    assert {one["feature"] for one in found["features"]} == set(
        server.run.ranker.neutral
    )
    changes = [abs(one["change"]) for one in found["features"]]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 0
    for one in found["features"]:
        assert one["without"] == pytest.approx(found["score"] - one["change"])
    assert 1 <= len(found["nearest"]) <= 3
    assert {one["video_id"] for one in found["nearest"]} <= set(
        request[schema.WATCHED_VIDEO_IDS]
    )
    answer = server.post("/inspect/why", request | {"video_id": 3})
    assert answer.status_code == 400
    assert "expected a string" in answer.json()["error"]


@pytest.fixture(scope="module")
def page(workdir: pathlib.Path) -> Iterator[browser.Browser]:
    """A browser in front of a server of its own."""
    given = dataclasses.replace(conftest.made(workdir), log=None)
    with browser.start() as opened, live.in_thread(app.Server(given)) as port:
        opened.address = f"http://127.0.0.1:{port}/"  # type: ignore[attr-defined]
        yield opened


def show(page: browser.Browser, width: int = 1200, scheme: str = "light") -> None:
    page.open(page.address, width, scheme)  # type: ignore[attr-defined]
    page.wait_for("document.body.dataset.shown")


TITLES = "[...document.querySelectorAll('#page .choose')].map(e => e.textContent)"
SCORES = "[...document.querySelectorAll('#page .number')].map(e => e.textContent)"
WATCHED = "document.querySelectorAll('#history li').length"


@pytest.mark.thorough
def test_one_chooses_a_user_and_adds_and_removes_a_watch(
    page: browser.Browser, tmp_path: pathlib.Path
) -> None:
    """By the keyboard alone, but for the removal."""
    show(page)
    first = page.ask(TITLES)
    assert len(first) >= 3
    page.ask(
        "(document.querySelector('#user').value = '',"
        "document.querySelector('#user').focus())"
    )
    shown = page.ask("document.body.dataset.shown")
    page.type("u3")
    page.press("Enter")
    page.wait_for(f"document.body.dataset.shown !== '{shown}'")
    assert page.ask("JSON.parse(document.querySelector('#json').value).user_id") == "u3"
    assert page.ask(TITLES) != first
    before, watched = page.ask(SCORES), page.ask(WATCHED)
    shown = page.ask("document.body.dataset.shown")
    page.ask("document.querySelector('#query').focus()")
    page.type("v1")
    page.wait_for("document.querySelectorAll('#found button').length")
    page.press("Enter")
    page.wait_for(f"document.body.dataset.shown !== '{shown}'")
    assert page.ask(WATCHED) == watched + 1
    assert page.ask(SCORES) != before
    shown = page.ask("document.body.dataset.shown")
    page.ask("document.querySelector('#history button').click()")
    page.wait_for(f"document.body.dataset.shown !== '{shown}'")
    assert page.ask(WATCHED) == watched
    assert page.ask(SCORES) == before
    page.picture(tmp_path / "page.png")
    assert page.complaints == []


@pytest.mark.thorough
def test_why_is_shown_for_the_video_that_is_chosen(page: browser.Browser) -> None:
    show(page)
    second = page.ask(TITLES)[1]
    page.ask("document.querySelectorAll('#page .choose')[1].focus()")
    page.press("Enter")
    page.wait_for(
        f"document.querySelector('#why-what').textContent.startsWith({second!r})"
    )
    assert page.ask("document.querySelectorAll('#features tr').length") > 5
    assert page.ask("document.querySelectorAll('#nearest li').length") >= 1
    assert page.ask("document.querySelectorAll('#sources details').length") >= 2


@pytest.mark.thorough
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phones_and_asks_nobody_else(
    page: browser.Browser, width: int, scheme: str
) -> None:
    show(page, width, scheme)
    assert page.ask("document.documentElement.scrollWidth") <= width
    address = page.address  # type: ignore[attr-defined]
    assert all(one.startswith((address, "data:")) for one in page.requests)
    assert page.complaints == []
    back = page.ask("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, back[4:-1].split(","))) > 3 * 128
    assert light == (scheme == "light")


@pytest.mark.thorough
def test_a_typed_request_that_is_wrong_is_said_in_one_line(
    page: browser.Browser,
) -> None:
    show(page)
    for text, expected in (
        ('{"kk": 1}', "expected request keys"),
        ("{", "the request is no JSON"),
    ):
        page.ask(f"document.querySelector('#json').value = {text!r}")
        page.ask("document.querySelector('#typed button').click()")
        page.wait_for(
            f"document.querySelector('#message').textContent.startsWith({expected!r})"
        )
    page.ask("document.querySelector('#json').value = '{\"watched_video_ids\": []}'")
    page.ask("document.querySelector('#typed button').click()")
    page.wait_for("document.querySelector('#message').hidden")
    assert page.ask(WATCHED) == 0


@pytest.mark.thorough
def test_conditions_and_caps_of_the_fields_are_asked_with(
    page: browser.Browser,
) -> None:
    show(page)
    shown = page.ask("document.body.dataset.shown")
    where = "language in en, de; age_days at_most 9"
    page.ask(f"document.querySelector('#where').value = {where!r}")
    page.ask("document.querySelector('#max_per').value = 'topic 1'")
    page.ask("document.querySelector('#limits button').click()")
    page.wait_for(f"document.body.dataset.shown !== '{shown}'")
    asked = json.loads(page.ask("document.querySelector('#json').value"))
    assert asked["where"] == [
        {"column": "language", "in": ["en", "de"]},
        {"column": "age_days", "at_most": 9},
    ]
    assert asked["max_per"] == {"topic": 1}
    assert not asked.keys() & {"policy", "weights"}
    for field, text in (("where", "language is en"), ("weights", "liked much")):
        page.ask(f"document.querySelector('#{field}').value = {text!r}")
        page.ask("document.querySelector('#limits button').click()")
        page.wait_for(
            f"document.querySelector('#message').textContent.endsWith({text!r})"
        )
        page.ask(f"document.querySelector('#{field}').value = ''")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("feature", "given", "shown"),
    [
        ("seconds_since_topic_watch", 497_004.0, "5.75 days"),
        ("video_age_seconds", 3 * 31_556_952, "3 years"),
        ("duration_seconds", 622.0, "10.4 min"),
        ("user_mean_watch_seconds", 54.7, "54.7 s"),
        ("user_click_rate", 0.0556, "5.56 %"),
        ("age", 0.4, "40 years"),
        ("video_seconds_odds", 53.16, "53.2"),
        ("seconds_since_watch", -1, "–"),
    ],
)
def test_features_are_in_units_of_people(
    page: browser.Browser, feature: str, given: float, shown: str
) -> None:
    show(page)
    assert page.ask(f"value({feature!r}, {given})") == shown


_BUSY_ONCE = """(() => {
    const real = window.fetch;
    window.fetch = async () => {
      window.fetch = real;
      const busy = {status: 503, headers: {"Retry-After": "2"}};
      return new Response('{"error": "busy"}', busy);
    };
    document.querySelector('#json').value = '{"watched_video_ids": []}';
    document.querySelector('#typed button').click();
})()"""


@pytest.mark.thorough
def test_a_server_that_is_busy_is_asked_again(page: browser.Browser) -> None:
    show(page)
    shown = page.ask("document.body.dataset.shown")
    page.ask(_BUSY_ONCE)
    page.wait_for(
        "document.querySelector('#message').textContent.endsWith('again in 2 s')"
    )
    assert page.ask("document.body.getAttribute('aria-busy')") == "true"
    page.wait_for(f"document.body.dataset.shown !== '{shown}'")
    page.wait_for("document.querySelector('#message').hidden")
    page.wait_for("document.body.getAttribute('aria-busy') === 'false'")


@pytest.mark.thorough
def test_ids_of_64_bits_keep_their_digits(page: browser.Browser) -> None:
    show(page)
    text = '{"id": 9007199254740993, "time": 1.5e9, "seconds": 2.5, "few": -7}'
    assert json.loads(page.ask(f"write(read({text!r}))")) == json.loads(text)
    page.ask(
        "document.querySelector('#json').value = "
        "'{\"watched_video_ids\": [9007199254740993]}'"
    )
    page.ask("document.querySelector('#typed button').click()")
    page.wait_for("!document.querySelector('#message').hidden")
    assert page.ask("document.querySelector('#json').value").count("0993") == 1
    assert "9007199254740993" in page.ask("write(state.request)")
