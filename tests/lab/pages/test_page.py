import html.parser
import re

from ytdnn.lab.pages import page, plots, svg_figures

PLOT = plots.bars("a plot", ["1"], {"a": [1.0]})


_EMPTY = {"meta", "br", "input"}


class _Tags(html.parser.HTMLParser):
    """Checks that elements are closed in order, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def close(self) -> None:
        super().close()
        assert not self._open


def tags(text: str) -> dict[str, int]:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    return parser.counts


def test_blocks_become_elements_closed_in_order() -> None:
    table = page.Table(["name", "value"], [["a", 1], ["b", None]], "what it shows")
    blocks = [PLOT, PLOT, "words", table, page.Details("more", [table, PLOT])]
    blocks.append(page.Columns([[table], ["left", "right"]]))
    text = page.render("title", "summary", [page.Section("s", "how", blocks)])
    counts = tags(text)
    assert counts["svg"] == 3
    assert counts["table"] == 3
    assert counts["details"] == 1
    assert text.count('class="plots"') == 2  # two plots share one row


def test_words_are_escaped_wherever_they_come_from() -> None:
    evil = "<script>alert('1')</script>"
    table = page.Table([evil], [[evil]], evil)
    blocks: list[page.Block] = [evil, table, page.Details(evil, [evil])]
    blocks.append(plots.bars(evil, [evil], {evil: [1.0], evil + "2": [2.0]}, evil))
    text = page.render(evil, evil, [page.Section(evil, evil, blocks)])
    assert "<script" not in text
    assert "script" not in tags(text)


def test_the_browser_is_forbidden_to_fetch_or_run_anything() -> None:
    text = page.render("t", "s", [])
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'")
    assert "http:" not in text
    assert "https:" not in text


def test_cells_are_written_for_people() -> None:
    row = ["name", 12_345, 0.123456, None, float("nan"), "0.1 ± 0.2", True]
    table = page.Table(["", "a", "b", "c", "d", "e", "f"], [row])
    text = page.render("t", "s", [page.Section("s", "x", [table])])
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells == ["name", "12,345", "0.123", "–", "–", "0.1 ± 0.2", "yes"]


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of WCAG 2.1."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_can_be_seen_in_light_and_dark() -> None:
    schemes = page.render("t", "s", []).split("prefers-color-scheme: dark")
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"(--[\w-]+): (#\w{6})", scheme))
        assert (
            len([name for name in colours if "series" in name])
            == len(svg_figures.COLOURS) - 1
        )
        for ground in ("--paper", "--panel"):
            assert _contrast(colours["--ink"], colours[ground]) > 7
            for name in ("--muted", "--link", "--good"):
                assert _contrast(colours[name], colours[ground]) > 4.5, name
        for name, colour in colours.items():
            if "series" in name:  # graphics need 3 : 1
                assert _contrast(colour, colours["--paper"]) > 3, name
