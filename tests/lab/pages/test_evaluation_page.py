import html
import pathlib
import re
from collections.abc import Iterator

import pytest

from tests import extras
from tests.evaluation.terminal import example
from tests.lab.pages import browser
from ytdnn.evaluation import bundles, lists
from ytdnn.evaluation.terminal import names
from ytdnn.lab.pages import evaluation_page, plots

SECTIONS = [
    "Retrieval",
    "Metrics by length of the list",
    "Breakdowns by users and videos",
    "Quality and reach",
    "Ranking of logged impressions",
    "Popularity and age of recommendations",
    "Estimates of other slates",
    "Example users",
    "Training",
    "Index and latency",
    "Evaluation protocol",
    "Settings and environment",
]
PLOTS = [
    "Quality of the first 10 videos",
    "Hit rate by length of the list",
    "nDCG by length of the list",
    "Hit rate@10 by watches before the request",
    "Hit rate@10 by country",
    "Calibration of expected watch seconds",
    "Calibration of click probability",
    "Calibration of odds",
    "Popularity of recommended videos",
    "Age of recommended videos",
    "candidates: loss",
    "candidates: hit rate",
    "ranking: AUC",
]


def headings(text: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", text)


def test_a_whole_report_has_every_section_and_plot() -> None:
    text = evaluation_page.render(example.typed())
    assert headings(text) == SECTIONS
    assert "Evaluation of mine" in text
    for title in PLOTS:
        assert f'aria-label="{title}"' in text, title


def test_parts_that_were_not_measured_are_left_out() -> None:
    text = evaluation_page.render(example.typed(example.bare()))
    assert headings(text) == [
        "Retrieval",
        "Popularity and age of recommendations",
        "Evaluation protocol",
        "Settings and environment",
    ]
    assert "0.2500" in text
    assert text.count("<svg") == 3  # results; popularity and age of the listed


def test_a_slice_of_one_part_has_numbers_but_no_plot() -> None:
    report = example.report()
    report["slices"]["country"] = report["slices"]["country"][:1]
    text = evaluation_page.render(example.typed(report))
    assert 'aria-label="Hit rate@10 by country"' not in text
    assert "By country" in text


def test_a_prediction_file_is_called_by_its_own_name() -> None:
    report = example.report()
    report["lists"] = {"als <v2>": report["lists"]["candidates"]}
    text = evaluation_page.render(example.typed(report))
    assert "als &lt;v2&gt;" in text


def test_numbers_stand_with_their_intervals() -> None:
    report = example.report()
    report["lists"]["candidates"]["values"]["hit_rate@10"] = 0.3103
    report["lists"]["candidates"]["intervals"]["hit_rate@10"] = [0.2943, 0.3263]
    text = evaluation_page.render(example.typed(report))
    assert '0.310<span class="small">0.294 – 0.326</span>' in text
    report["lists"]["candidates"]["intervals"]["hit_rate@10"] = [0.3096, 0.3110]
    text = evaluation_page.render(example.typed(report))
    assert '0.3103<span class="small">0.3096 – 0.3110</span>' in text
    report["impressions"]["ranker"]["values"]["auc"] = None  # undefined
    cells = evaluation_page.render(example.typed(report)).split(
        '<td class="words">AUC</td>'
    )[1]
    assert cells.split("</td>")[1].endswith('<td data-column="ranker">–')


def test_parts_of_the_impressions_stand_apart() -> None:
    report = example.report()
    rows = report["impression_slices"]["id_embedding"]
    rows[1]["models"]["ranker"]["weighted_per_user_loss"] = [0.4542, 0.4321, 0.4763]
    text = evaluation_page.render(example.typed(report))
    found = text.split("without an id embedding, weighted per-user loss")[1]
    assert '0.454<span class="small">0.432 – 0.476</span>' in found.split("</tr>")[0]


def test_calibration_tells_its_ratio_of_each_part() -> None:
    report = example.report()
    report["calibration"]["ranker"]["clicks"] = []
    del report["calibration"]["popularity"]
    report["calibration"]["ranker"]["seconds"][9]["ratio"] = [1.043, 0.981, 1.114]
    text = evaluation_page.render(example.typed(report))
    assert 'aria-label="Calibration of expected watch seconds"' in text
    assert 'aria-label="Calibration of click probability"' not in text
    assert 'aria-label="Calibration of odds"' not in text
    assert '1.043<span class="small">0.981 – 1.114</span>' in text


def test_right_recommendations_are_ticked() -> None:
    report = example.report()
    text = evaluation_page.render(example.typed(report))
    hits = sum(
        video["is_answer"]
        for one in report["examples"]
        for videos in one["lists"].values()
        for video in videos
    )
    assert text.count("✓ ") == text.count('class="marked"') == hits > 0


def test_the_last_watch_stands_first_and_the_rest_is_counted() -> None:
    text = evaluation_page.render(example.typed())
    history = text.split("watched before</th>")[1]
    assert history.index("&lt;script&gt;") < history.index("905 kittens")
    assert history.index("905 kittens") < history.index("901 kittens")
    assert "and 55 more" in history.split("</table>")[0]


def test_the_same_report_gives_the_same_page() -> None:
    first, again = (evaluation_page.render(example.typed()) for _ in range(2))
    assert first == again


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    with browser.start() as found:
        yield found


@pytest.mark.parametrize(
    ("width", "scheme"), [(1100, "light"), (1100, "dark"), (360, "light")]
)
def test_a_browser_opens_the_page(
    chromium: browser.Browser, tmp_path: pathlib.Path, width: int, scheme: str
) -> None:
    path = tmp_path / "evaluation.html"
    path.write_text(evaluation_page.render(example.typed()))
    chromium.open(path, width, scheme)
    assert chromium.complaints == []
    assert chromium.requests == [path.as_uri()]
    boxes = chromium.ask(
        "[...document.querySelectorAll('svg')].map(plot => {"
        " const box = plot.getBoundingClientRect();"
        " return [plot.getAttribute('aria-label'), box.width, box.height] })"
    )
    assert set(PLOTS) <= {name for name, _, _ in boxes}
    assert all(width > 280 and height > 100 for _, width, height in boxes)
    # Nothing is wider than the window, and no word of a plot is cut off.
    assert chromium.ask("document.documentElement.scrollWidth") == width
    assert chromium.ask(_CUT_WORDS) == []
    ground = chromium.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


def test_a_phone_reads_every_table_without_scrolling_aside(
    chromium: browser.Browser, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "evaluation.html"
    path.write_text(evaluation_page.render(example.typed()).replace("<details", "<div"))
    wider = (
        "[...document.querySelectorAll('.scroll')]"
        ".filter(box => box.scrollWidth > box.clientWidth + 1)"
        ".map(box => box.getAttribute('aria-label'))"
    )
    chromium.open(path, 390, "light")
    assert chromium.ask("document.querySelectorAll('table.wide').length") > 3
    assert chromium.ask(wider) == []
    # A card names each of its numbers, since the headings are gone.
    assert chromium.ask(
        "getComputedStyle(document.querySelector('.wide td + td'), '::before').content"
    ) not in ("none", '""')


_CUT_WORDS = """
[...document.querySelectorAll('svg text')].filter(word => {
  const box = word.getBoundingClientRect();
  const plot = word.ownerSVGElement.getBoundingClientRect();
  return box.left < plot.left - 1 || box.right > plot.right + 1
    || box.bottom > plot.bottom + 1;
}).map(word => word.textContent)
"""


def test_the_browser_notices_a_request_and_an_error(
    chromium: browser.Browser, tmp_path: pathlib.Path
) -> None:
    """The check above can fail."""
    path = tmp_path / "bad.html"
    path.write_text(
        "<img src='missing.png'><script>throw new Error('planted')</script>"
    )
    chromium.open(path)
    assert chromium.requests == [path.as_uri(), (tmp_path / "missing.png").as_uri()]
    assert any("planted" in words for words in chromium.complaints)


def test_a_script_in_the_page_does_not_run(
    chromium: browser.Browser, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "evaluation.html"
    text = evaluation_page.render(example.typed())
    added = "<script>window.ran = 1</script><img src='http://127.0.0.1:9/x.png'></main>"
    path.write_text(text.replace("</main>", added))
    chromium.open(path)
    assert chromium.ask("window.ran") is None
    assert any("Content Security Policy" in words for words in chromium.complaints)


def test_a_plot_stands_alone(chromium: browser.Browser, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "plot.svg"
    path.write_text(plots.bars("alone", ["a"], {"s": [1.0]}))
    chromium.open(path)
    assert chromium.complaints == []
    paint = "getComputedStyle(document.querySelector('path:has(title)')).fill"
    assert chromium.ask(paint) == "rgb(0, 114, 178)"  # the default of --series-1


def test_the_gap_to_the_oracle_is_a_table_where_there_is_one() -> None:
    report = example.report()
    assert "oracle closed" not in evaluation_page.render(example.typed(report))
    shares = {f"{metric}@10": 0.25 for metric in example.METRICS}
    report["gap_closed"] = {
        "lists": {"candidates": shares},
        "impressions": {"ranker": {"auc": 0.375, "log_loss": -0.125}},
    }
    text = evaluation_page.render(example.typed(report))
    words = "Gap to the oracle closed"
    assert text.count(words) == 4  # caption and label of two tables
    assert "25%" in text
    assert "38%" in text
    assert "-12%" in text


def section(text: str, title: str) -> str:
    return text.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0]


def test_on_a_world_the_page_is_judged_first_by_its_true_watch_seconds() -> None:
    text = evaluation_page.render(example.typed(example.with_pages()))
    assert headings(text) == ["The value of a slate", *SECTIONS]
    worth = section(text, "The value of a slate")
    assert "Retrieval is judged by hits, the ranker by watch time." in worth
    assert (
        "The ranker, given the candidates of all sources, turns the candidate "
        "network&#39;s slate of 520 true watch seconds into one of 1,390: +870 (95 %: "
        "+833 to +903), paired by user." in worth
    )
    assert 'aria-label="True watch seconds of the first 10 videos"' in worth
    for cell in ("1,390", "2,098", "4,218", "best slate of all videos", "55%"):
        assert cell in worth, cell


def test_what_a_ranker_of_watch_time_retrieves_is_shown_in_tables_alone() -> None:
    for report in (example.with_pages(), example.with_pages(is_world=False)):
        text = evaluation_page.render(example.typed(report))
        retrieval = section(text, "Retrieval")
        shown, _, details = retrieval.partition("Every system and metric")
        assert "candidates" in shown
        assert "both stages" not in shown
        assert "best order" not in shown
        assert "both stages" in details
    lengths = section(text, "Metrics by length of the list")
    hits = lengths.partition('aria-label="Hit rate by')[2].partition("</svg>")[0]
    assert "candidates" in hits
    assert "both stages" not in hits


def test_without_watch_time_both_stages_stand_beside_each_other() -> None:
    text = evaluation_page.render(example.typed())
    shown = section(text, "Retrieval").partition("Every system and metric")[0]
    assert "both stages" in shown
    assert "Retrieval is judged by hits, the ranker by watch time." in shown


def test_any_log_with_watch_time_is_judged_by_the_seconds_of_hits() -> None:
    report = example.with_pages(is_world=False)
    text = evaluation_page.render(example.typed(report))
    worth = section(text, "Watch seconds of hits")
    assert 'aria-label="Watch seconds of hits of the first 10 videos"' in worth
    assert (
        "true watch" not in worth.lower().partition("<svg")[2].partition("<details")[0]
    )


def test_a_real_log_says_first_what_each_order_is_worth() -> None:
    report = example.with_pages(is_world=False)
    report["shown_lists"] = example.shown_lists()
    report["protocol"]["served_order"] = "The ranker's order is served: it is ahead"
    text = evaluation_page.render(example.typed(report))
    title = "The order on this log"
    assert headings(text)[:2] == [title, "Watch seconds of hits"]
    worth = html.unescape(section(text, title))
    assert (
        "In the test window 2,400 users were shown two videos or more, 40,500 in all, "
        "and watched 343 hours of them. If each user could be shown only half of these "
        "videos, the ranker would keep 68.4 % of the watch time, the candidate model "
        "58.3 %, popularity 62.1 %, the order of the log 50.7 %; a random choice "
        "50.0 %, the best possible one 97.2 %." in worth
    )
    assert "The ranker's order is served: it is ahead." in worth
    assert (
        "The ranker keeps 6.3 points more than popularity (-1.0 to +13.0), 17.7 points "
        "more than the order of the log (-1.0 to +13.0), 10.1 points more than the "
        "candidate model (-1.0 to +13.0) (percentage points, 95 % interval paired by "
        "user)." in worth
    )
    assert "By the log's propensities, new pages would bring" in worth
    assert "not what other videos would have brought" in worth
    hits = html.unescape(section(text, "Watch seconds of hits"))
    assert (
        "it showed, mean over users: candidates 0.31 (24 s each); "
        "both stages 0.10 (32 s each)" in hits
    )


def test_a_table_of_many_models_has_the_width_of_the_page() -> None:
    report = example.report()
    few = section(evaluation_page.render(example.typed(report)), "Retrieval")
    assert 'class="columns"' in few
    for name in ("markov", "co_watch"):
        report["lists"][name] = report["lists"]["popularity"]
    many = section(evaluation_page.render(example.typed(report)), "Retrieval")
    assert 'class="columns"' not in many


def test_a_world_says_first_what_its_true_pages_are_worth() -> None:
    report = example.with_pages()
    report["shown_lists"] = example.shown_lists(is_world=True)
    titles = headings(evaluation_page.render(example.typed(report)))
    assert titles[0] == "The value of a slate"
    assert titles[1] == "The order on this log"


def test_without_watch_time_orders_are_told_by_clicks() -> None:
    report = example.report()
    report["shown_lists"] = example.shown_lists() | {"gain": "clicks", "total": 812.0}
    text = evaluation_page.render(example.typed(report))
    worth = section(text, "The order on this log")
    assert "and clicked 812." in worth
    assert "would keep 68.4 % of the clicks, " in worth
    assert "watch time" not in worth


def test_slices_of_users_show_what_their_pages_are_worth() -> None:
    text = evaluation_page.render(example.typed(example.with_pages()))
    assert 'aria-label="True watch seconds@10 by country"' in text
    assert 'aria-label="True watch seconds@10 by watches' not in text
    assert 'aria-label="True watch seconds by length of the list"' in text


def test_names_of_bounds_are_those_of_the_evaluation() -> None:
    assert names.PAGE_BOUNDS == lists.PAGE_BOUNDS
    assert names.TWO_STAGE == (lists.SYSTEM, bundles.SYSTEM_SCANN)
    assert set(lists.REFERENCES) <= set(names.MODELS)


def test_sections_of_a_package_have_their_place(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path):
        text = evaluation_page.render(example.typed())
    found = re.findall(r"<h2>(.*?)</h2>", text)
    place = found.index("Weakest slices")
    assert found[place - 1] == "Quality and reach"
    assert found[place + 1] == "Ranking of logged impressions"
    assert [title for title in found if title != "Weakest slices"] == SECTIONS
