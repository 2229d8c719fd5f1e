import pathlib
import re
from collections.abc import Iterator

import pytest

from tests import extras
from tests.evaluation import example
from tests.lab.pages import browser
from ytdnn.evaluation import lists, report_types, shown_baselines, tables
from ytdnn.lab.pages import display_names, evaluation_page, page, plots, svg_figures

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
    assert cells.startswith('<td class="none" data-column="AUC">–')


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
    history = evaluation_page.render(example.typed()).split("watched before</th>")[1]
    assert history.index("&lt;script&gt;") < history.index("905 kittens")
    assert history.index("905 kittens") < history.index("901 kittens")
    assert "and 55 more" in history.split("</table>")[0]


def test_an_example_shows_the_lists_of_the_plots_and_no_empty_column() -> None:
    report = example.report()
    for name in (*lists.BASELINES, "oracle_by_watch_time"):
        report["lists"][name] = report["lists"]["candidates"]
        for one in report["examples"]:
            one["lists"][name] = one["lists"]["candidates"]
    for one in report["examples"]:
        one["history"], one["lists"]["popularity"] = [], []
    text = evaluation_page.render(example.typed(report))
    user = section(text, "Example users").split("</table>")
    headings = re.findall(r"<th [^>]*>([^<]*)</th>", "".join(user))
    assert "watched before" not in headings
    assert "popularity" not in headings
    assert headings[0] == "watched afterwards"
    drawn = {*display_names.drawn(example.typed(report))} - {"popularity", "ranker"}
    assert {*headings} == {"watched afterwards", *map(tables.model_title, drawn)}


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
    chromium.open(path, 390, "light")
    assert chromium.ask("document.querySelectorAll('table.wide').length") > 3
    assert chromium.ask(_WIDER) == []
    # A card names each of its numbers, since the headings are gone.
    assert chromium.ask(
        "getComputedStyle(document.querySelector('.wide td + td'), '::before').content"
    ) not in ("none", '""')


_WIDER = """
[...document.querySelectorAll('.scroll')]
  .filter(box => box.scrollWidth > box.clientWidth + 1)
  .map(box => box.getAttribute('aria-label'))
"""
_LEAST_TEXT = """
Math.min(...[...document.querySelectorAll('body *')].filter(part =>
  part.checkVisibility() && [...part.childNodes].some(
    node => node.nodeType == Node.TEXT_NODE && node.textContent.trim())
).map(part => {
  const plot = part.ownerSVGElement;
  const scale = plot
    ? plot.getBoundingClientRect().width / plot.viewBox.baseVal.width : 1;
  return scale * parseFloat(getComputedStyle(part).fontSize);
}))
"""
_CUT_WORDS = """
[...document.querySelectorAll('svg text')].filter(word => {
  const box = word.getBoundingClientRect();
  const plot = word.ownerSVGElement.getBoundingClientRect();
  return box.left < plot.left - 1 || box.right > plot.right + 1
    || box.bottom > plot.bottom + 1;
}).map(word => word.textContent)
"""


def test_a_link_of_the_contents_opens_what_is_folded(
    chromium: browser.Browser, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "evaluation.html"
    path.write_text(evaluation_page.render(example.typed()))
    place = 1 + SECTIONS.index("Training")
    chromium.open(path, 390)
    open_ones = (
        "[...document.querySelectorAll('details.section[open] h2')]"
        ".map(heading => heading.textContent)"
    )
    assert chromium.ask(open_ones) == []
    # The contents stay in sight, and are one line that scrolls aside.
    nav = "document.querySelector('nav').getBoundingClientRect()"
    assert chromium.ask(f"{nav}.height") < 50
    chromium.open(f"{path.as_uri()}#{place}", 390)
    assert chromium.ask(open_ones) == ["Training"]
    assert chromium.ask("scrollY") > 0
    assert chromium.ask(f"{nav}.top") == 0
    heading = "document.querySelector('details[open] h2').getBoundingClientRect().top"
    assert chromium.ask(f"{heading} >= {nav}.bottom")
    chromium.open(path, 1280)
    chromium.ask(f"document.querySelector('nav a[href=\"#{place}\"]').click()")
    assert chromium.wait_for(open_ones) == ["Training"]


def test_intervals_are_shown_on_demand(
    chromium: browser.Browser, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "evaluation.html"
    path.write_text(evaluation_page.render(example.typed()))
    chromium.open(path)
    shown = "getComputedStyle(document.querySelector('.small')).display"
    assert chromium.ask(shown) == "none"
    chromium.ask("document.querySelector('label').click()")
    assert chromium.ask(shown) == "block"
    path.write_text(page.render("no numbers", "", []))
    chromium.open(path)
    label = "getComputedStyle(document.querySelector('label')).display"
    assert chromium.ask(label) == "none"


def many_systems() -> report_types.Report:
    """Returns a report with every baseline and bound; the later the better."""
    report = example.with_pages()
    entry = report["lists"]["candidates"]
    for place, name in enumerate(lists.BASELINES, 1):
        values = entry["values"] | {"ndcg@10": 0.01 * place}
        report["lists"][name] = entry | {"values": values}
    report["shown_lists"] = shown = example.shown_lists(is_world=True)
    for name in shown_baselines.NAMES:
        report["impressions"][name] = report["impressions"]["popularity"]
        shown["systems"][name] = shown["systems"]["popularity"]
    ahead = {"auc": [0.1, 0.05, 0.15]}
    report["best_baselines"] = {
        kind: {"name": name, "judge": "auc", "ahead": ahead}
        for kind, name in (("clicks", "click_rate"), ("seconds", "odds_frozen"))
    }
    return example.typed(report)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_of_all_systems_is_short_and_can_be_read(
    chromium: browser.Browser, tmp_path: pathlib.Path, width: int
) -> None:
    path = tmp_path / "evaluation.html"
    path.write_text(evaluation_page.render(many_systems()))
    chromium.open(path, width)
    if width == 1280:
        assert chromium.ask("document.documentElement.scrollHeight") < 8_000
    chromium.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
    chromium.ask("document.querySelector('label').click()")
    assert chromium.ask("document.documentElement.scrollWidth") == width
    assert chromium.ask(_WIDER) == []
    assert chromium.ask(_LEAST_TEXT) >= 11


def test_a_plot_has_eight_systems_that_can_be_told_apart() -> None:
    report = many_systems()
    drawn = display_names.drawn(report)
    of_lists = [name for name in drawn if name in report.lists]
    assert len(of_lists) == 8
    assert {*lists.BASELINES[-3:]} < {*drawn}
    assert {"popularity", "candidates", "system", "oracle"} < {*drawn}
    assert report.shown_lists is not None
    orders = [name for name in report.shown_lists.systems if name in drawn]
    assert len(orders) == 8
    assert {"click_rate", "odds_frozen", "logged", "ranker"} < {*orders}
    by_request = [*(n for n in of_lists if "oracle" not in n and "truth" not in n)]
    by_request += ["last_week_then_next", "user_neighbours"]
    for models in (of_lists, by_request, orders):
        indices = display_names.colours(dict.fromkeys([*drawn, *models]))
        titles = [tables.model_title(name) for name in models]
        looks = svg_figures.Plot("t", titles, indices, ("x", "y"), 90.0).looks.values()
        for part in ("color", "marker"):
            assert len({look[part] for look in looks}) == len(models)


def test_a_page_by_requests_shows_one_length_and_folds_the_others() -> None:
    report = example.with_pages()
    report["lists"]["als"] = report["lists"]["candidates"]
    entry = {
        "values": {f"{name}@{k}": 0.1 for k in example.KS for name in ("ndcg", "mrr")}
        | {f"hit_rate@{k}": 0.01 * k for k in example.KS},
        "intervals": {},
    }
    models = ("popularity", "als", "candidates", "last_day", "last_week_then_next")
    report["requests"] = {
        "requests": 300,
        "watches": 400,
        "users": 100,
        "delay_seconds": 0,
        "repeats": 3,
        "unknown": 2,
        "best_count": "last_week_then_next",
        "rival": "als",
        "systems": dict.fromkeys(models, entry),
        "by_user": dict.fromkeys(models, entry),
        "ahead": {},
    }
    text = section(evaluation_page.render(example.typed(report)), "By requests")
    shown, _, folded = text.partition("<details")
    assert re.findall(r"<th[^>]*>([^<]*@\d+)", shown) == [
        "nDCG@10",
        "MRR@10",
        "hit rate@10",
    ]
    assert folded.count("<table") == 5
    [plot] = re.findall(r"<svg .*?</svg>", shown)
    for name in ("least squares (ALS)", "candidates", "week and what followed"):
        assert f">{name}</text>" in plot
    assert ">most watched, day</text>" not in plot
    assert ">most watched, day</td>" in shown


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
        retrieval = section(evaluation_page.render(example.typed(report)), "Retrieval")
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
