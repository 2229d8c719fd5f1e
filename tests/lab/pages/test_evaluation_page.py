import pathlib
import re
from collections.abc import Iterator

import pytest

from tests import extras
from tests.evaluation import example
from tests.lab.pages import browser
from ytdnn.lab.pages import evaluation_page, plots

SECTIONS = [
    "All systems",
    "Retrieval",
    "Breakdowns by users and videos",
    "Ranking of logged impressions",
    "Estimates of other slates",
    "Example users",
    "Training",
    "Index and latency",
    "Evaluation protocol",
    "Settings and environment",
]
PLOTS = [
    "Quality of the first 10 videos",
    "Hit rate@10 by watches before the request",
    "Hit rate@10 by country",
    "Calibration of expected watch seconds",
    "Calibration of click probability",
    "Calibration of odds",
    "candidates: loss",
    "candidates: hit rate",
    "ranking: AUC",
]


def headings(text: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", text)


def test_a_whole_report_has_every_section_and_plot() -> None:
    text = evaluation_page.render(example.typed())
    assert headings(text) == SECTIONS
    assert "<h1>Evaluation of mine, 2026-" in text
    for title in PLOTS:
        assert f'aria-label="{title}"' in text, title


def test_parts_that_were_not_measured_are_left_out() -> None:
    text = evaluation_page.render(example.typed(example.bare()))
    assert headings(text) == [
        "All systems",
        "Retrieval",
        "Evaluation protocol",
        "Settings and environment",
    ]
    assert "0.2500" in text
    assert text.count("<svg") == 1


def test_numbers_stand_with_their_intervals() -> None:
    report = example.report()
    report["lists"]["candidates"]["values"]["hit_rate@10"] = 0.3103
    report["lists"]["candidates"]["intervals"]["hit_rate@10"] = [0.2943, 0.3263]
    text = evaluation_page.render(example.typed(report))
    assert '0.310<span class="small">0.294&nbsp;– 0.326</span>' in text
    report["lists"]["candidates"]["intervals"]["hit_rate@10"] = [0.3096, 0.3110]
    text = evaluation_page.render(example.typed(report))
    assert '0.3103<span class="small">0.3096&nbsp;– 0.3110</span>' in text
    report["impressions"]["ranker"]["values"]["auc"] = None  # undefined
    table = section(evaluation_page.render(example.typed(report)), "Ranking of logged")
    cells = table.split('<td class="words">ranker</td>')[1]
    assert cells.startswith('<td data-column="AUC">–')


def test_calibration_tells_its_ratio_of_each_part() -> None:
    report = example.report()
    report["calibration"]["ranker"]["clicks"] = []
    del report["calibration"]["popularity"]
    report["calibration"]["ranker"]["seconds"][9]["ratio"] = [1.043, 0.981, 1.114]
    text = evaluation_page.render(example.typed(report))
    assert 'aria-label="Calibration of expected watch seconds"' in text
    assert 'aria-label="Calibration of click probability"' not in text
    assert 'aria-label="Calibration of odds"' not in text
    assert '1.043<span class="small">0.981&nbsp;– 1.114</span>' in text


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
    chromium.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
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


def section(text: str, title: str) -> str:
    return text.partition(f"<h2>{title}")[2].partition("</section>")[0]


def test_a_world_shows_the_true_watch_seconds_of_slates() -> None:
    report = example.with_pages()
    report["shown_lists"] = example.shown_lists(is_world=True)
    text = evaluation_page.render(example.typed(report))
    assert '<p class="finding">Better: the ranker' in text
    systems = section(text, "All systems")
    assert 'aria-label="True watch seconds of the first 10 videos"' in systems
    for cell in ("1,390", "2,098", "4,218", "best slate of all videos"):
        assert cell in systems, cell
    orders = section(text, "The order on this log")
    assert "not what" not in orders
    assert 'aria-label="Share of the watch time in the first half' in orders
    assert '0.684<span class="small">' in orders


def test_what_a_ranker_of_watch_time_retrieves_is_shown_in_tables_alone() -> None:
    for report, is_drawn in ((example.with_pages(), False), (example.report(), True)):
        text = evaluation_page.render(example.typed(report))
        retrieval = section(text, "Retrieval")
        shown, _, details = retrieval.partition("Every system and metric")
        assert "candidates" in shown
        assert ("both stages" in shown) == is_drawn
        assert "both stages" in details


def test_sections_of_a_package_have_their_place(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path):
        text = evaluation_page.render(example.typed())
    found = re.findall(r"<h2>(.*?)</h2>", text)
    place = found.index("Weakest slices")
    assert found[place - 1] == "Breakdowns by users and videos"
    assert found[place + 1] == "Ranking of logged impressions"
    assert [title for title in found if title != "Weakest slices"] == SECTIONS
