"""The world's page shows what the log holds, and only that."""

import re

import polars as pl
import pytest

from ytdnn import configs
from ytdnn.lab.pages import log_page, plots
from ytdnn.log import sources


@pytest.fixture(scope="module")
def log() -> dict[str, pl.LazyFrame]:
    config = configs.WorldConfig(
        num_users=150, num_videos=300, num_topics=3, num_days=45, watches_per_user=30
    )
    return dict(sources.read(configs.DataConfig(world=config)).tables)


def titles(html: str) -> list[str]:
    return re.findall(r"<svg [^>]*aria-label=\"([^\"]*)\"", html)


def test_every_plot_stands_once(log: dict[str, pl.LazyFrame]) -> None:
    found = titles(log_page.draw({"the world": log}, "A world."))
    assert len(found) == len(set(found))
    for title in (
        "Popularity by rank",
        "Activity of users",
        "Single videos",
        "Age of what is watched",
        "Click rate by place on the slate",
        "Click rate by earlier impressions that were not clicked",
        "Click rate by candidate source",
        "Seconds watched",
        "Fraction of the video watched",
        "Watches by hour",
    ):
        assert title in found


def test_a_log_of_watches_alone_gets_what_it_has_columns_for(
    log: dict[str, pl.LazyFrame],
) -> None:
    watches = {"watches": log["watches"].select("user_id", "video_id", "time")}
    html = log_page.draw({"mine": watches}, "A log.")
    assert "Popularity by rank" in titles(html)
    assert "Watches by day" in titles(html)
    assert not [title for title in titles(html) if "Click" in title]
    assert "Freshness" not in html


def test_the_numbers_are_those_of_the_log(
    log: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plots are caught as they are drawn and compared with a count of rows."""
    drawn: dict[str, dict] = {}

    def keep(title, *arguments, **_):
        drawn[title] = arguments
        return plots.bars(title, ["a"], {"b": [1.0]})

    monkeypatch.setattr(plots, "lines", keep)
    monkeypatch.setattr(plots, "intervals", keep)
    assert isinstance(log_page.draw({"the world": log}, "A world."), str)
    watches, impressions = log["watches"].collect(), log["impressions"].collect()
    (series, *_) = drawn["Popularity by rank"]
    most = watches["video_id"].value_counts(sort=True)["count"][0]
    assert series["the world"].y[0] == pytest.approx(most / watches.height)
    (series, *_) = drawn["Watches by hour"]
    hours = watches["time"] % 86_400 // 3_600
    at = list(series["watches"].x).index(18)
    assert series["watches"].y[at] == pytest.approx((hours == 18).mean())
    (names, values, *_) = drawn["Click rate by candidate source"]
    popular = impressions.filter(pl.col("source") == "popular")["clicked"].mean()
    assert values["clicked"][names.index("popular")][0] == pytest.approx(popular)
