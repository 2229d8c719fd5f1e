"""The result in the terminal: a sentence, one table, and what a reader must know."""

import copy
import dataclasses
import io
import math
from typing import Any

import pytest
import rich
from rich import console

from tests.evaluation import example
from ytdnn.evaluation import bundles, compare, lists, report_summary, tables, terminal
from ytdnn.evaluation.compare import Difference

DIFFERENCES = [
    Difference("candidates", "hit_rate@1", 0.2, 0.5, 0.3, 0.1, 0.5),
    Difference("candidates", "ndcg@5", 0.2, 0.3, 0.1, -0.1, 0.3),
    Difference("candidates", "coverage@5", 0.4, 0.3, -0.1, math.nan, math.nan),
]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> console.Console:
    found = console.Console(width=100, file=io.StringIO(), record=True)
    monkeypatch.setattr(rich, "get_console", lambda: found)
    return found


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def notes(report: dict[str, Any]) -> str:
    return " ".join(report_summary.notes(example.typed(report)))


def test_systems_stand_below_each_other_in_one_table(screen: console.Console) -> None:
    report = example.report()
    report["lists"]["candidates"]["values"]["hit_rate@10"] = 0.3103
    report["lists"]["candidates"]["values"]["ndcg@10"] = None
    terminal.show(example.typed(report))
    text = screen.export_text()
    assert "temporal protocol, test split: 3,812 users, lists of 1,987" in text
    assert len([line for line in text.splitlines() if "─" in line]) == 1
    cells = line_of(text, "candidates  ").split()
    assert cells[1] == "0.310"
    assert tables.NONE in cells  # not defined, and not of the ranker
    assert "0.710" in line_of(text, "ranker")
    assert "…" not in text
    assert "4,069 of 20,345 right answers" in text


def test_intervals_are_left_out_where_they_have_no_room() -> None:
    one = report_summary.summary_table(example.typed())
    for width, has_intervals in ((80, False), (200, True)):
        drawn = console.Console(width=width, file=io.StringIO(), record=True)
        drawn.print(tables.draw(one, width))
        text = drawn.export_text()
        assert max(map(len, text.splitlines())) <= width
        assert ("[" in line_of(text, "ranker")) == has_intervals


def test_a_row_whose_numbers_have_no_room_is_left_out() -> None:
    cell = tables.NumberCell
    rows = [
        ["first", cell(0.5), cell(None), cell(None)],
        ["second", cell(None), cell(None), cell(0.25, 0.2, 0.3)],
    ]
    one = tables.Table(["system", "A", "B", "C" * 20], rows)
    for width, is_shown in ((30, False), (60, True)):
        drawn = console.Console(width=width, file=io.StringIO(), record=True)
        drawn.print(tables.draw(one, width))
        text = drawn.export_text()
        assert "first" in text
        assert ("second" in text) is is_shown
        assert ("0.250" in text) is is_shown


def test_both_stages_are_judged_by_watch_time_where_it_is_known() -> None:
    one = report_summary.summary_table(example.typed(example.with_pages()))
    rows = {row[0]: row[1:] for row in one.rows}
    assert one.columns[1] == "true watch seconds@10"
    assert rows["both stages"][0].value == 1_390.0
    hit_rate = one.columns.index("hit rate@10") - 1
    assert rows["both stages"][hit_rate].value is None
    assert rows["candidates"][hit_rate].value is not None
    plain = report_summary.summary_table(example.typed())
    assert {row[0]: row[1] for row in plain.rows}["both stages"].value is not None


def test_a_world_compares_true_watch_seconds_of_slates() -> None:
    assert report_summary.headline(example.typed(example.with_pages())) == (
        "Better: the ranker's slate of 10 videos is truly watched for 1,390 seconds, "
        "the candidates' for 520 (+870, 95 % interval +833 to +903)."
    )


def test_a_log_with_impressions_compares_the_order_with_popularity() -> None:
    report = example.with_pages(is_world=False)
    report["shown_lists"] = example.shown_lists()
    assert report_summary.headline(example.typed(report)) == (
        "No clear difference: share of the watch time in the first half of each user's "
        "shown videos, by order: ranker 68.4%, popularity 62.1%, candidates 58.3%, "
        "random order 50.0% (+6.3 points against popularity, 95 % interval -1.0 to "
        "+13.0)."
    )


def test_the_ranker_is_told_beside_the_best_baseline_of_clicks() -> None:
    report = example.report()
    shown = report["impressions"]
    shown |= dict.fromkeys(("click_rate", "click_rate_frozen"), shown["popularity"])
    ahead = {"auc": [-0.02, -0.03, -0.01]}
    best = {"name": "click_rate", "judge": "auc", "ahead": ahead}
    report["best_baselines"] = {"clicks": best}
    assert (
        "Worse by clicks: AUC 0.710 of the ranker, 0.730 of the best baseline (click "
        "rate so far), difference -0.020 (-0.030 to -0.010)."
    ) in notes(report)
    rows = [row[0] for row in report_summary.summary_table(example.typed(report)).rows]
    assert "click rate so far" in rows
    assert "click rate, frozen" not in rows  # only the best one


def test_without_either_the_candidates_are_compared_with_the_best_baseline() -> None:
    report = example.report()
    models = report["lists"]
    for name, value in (("candidates", 0.2), ("popularity", 0.3), ("markov", 0.1)):
        models.setdefault(name, {"values": {}, "intervals": {}})
        models[name]["values"]["ndcg@10"] = value
        models[name]["intervals"]["ndcg@10"] = [value - 0.02, value + 0.02]
    assert report_summary.headline(example.typed(report)) == (
        "Worse: the candidates have nDCG@10 0.200 (0.180 to 0.220), the best baseline "
        "(popularity) 0.300 (0.280 to 0.320), with 95 % intervals."
    )
    del report["lists"]["candidates"]
    assert report_summary.headline(example.typed(report)) == ""


def test_what_a_reader_must_know_is_told() -> None:
    report = example.bare()
    report["protocol"] |= {"answers_out_of_vocabulary": 0}
    assert notes(report) == ""
    report["protocol"] |= {
        "sees_request_time": True,
        "system_left_out": "the ranker was trained later",
    }
    found = notes(report | {"warnings": ["Few users."]})
    assert "reads the time of the request" in found
    assert "left out: the ranker was trained later." in found
    assert "Few users." in found


def test_a_log_without_slates_is_told() -> None:
    report = example.report()
    assert "No slate of the log" not in notes(report)
    for found in report["impressions"].values():
        found["values"] |= {"page_ndcg_by_seconds": 1.0, "weighted_per_user_loss": None}
    assert "--config.data.page_gap_seconds=600" in notes(report)


def test_of_a_model_with_content_new_answers_are_not_beyond_reach() -> None:
    report = example.report()
    assert "no model can retrieve them" in notes(report)
    report["protocol"]["candidate_set_videos"] = report["protocol"]["videos"] + 1
    assert "by their content alone" in notes(report)


def test_a_comparison_marks_what_surely_differs(screen: console.Console) -> None:
    same = Difference("popularity", "hit_rate@1", 0.2, 0.2, 0.0, 0.0, 0.0)
    found = compare.Comparison(
        compare.headline(DIFFERENCES), [same, *DIFFERENCES], 1_200, 7, [], ["a mark"]
    )
    terminal.show_comparison(found)
    text = screen.export_text()
    assert text.startswith("The second is better: hit rate")
    assert "[+0.1000, +0.5000]" in text
    assert line_of(text, "hit_rate@1 ").rstrip().endswith("*")
    assert "*" not in line_of(text, "ndcg@5") + line_of(text, "coverage@5")
    assert "popularity" not in text
    assert "1,200 users in both, 7 in only one" in text
    assert "a mark" in text
    asked = compare.Headline("worse", of("hit_rate@10", -0.2, -0.1, "requests/system"))
    both = dataclasses.replace(found, by_requests=asked, num_requests=3_000)
    first, second = terminal.comparison_headline(both).splitlines()
    assert first.startswith(
        "The second is worse: hit rate@10 of both stages by requests"
    )
    assert first.endswith("over 3,000 requests.")
    assert second.startswith("The second is better")


def of(metric: str, low: float, high: float, model: str = "system") -> Difference:
    middle = (low + high) / 2
    return Difference(model, metric, 1.0, 1.0 + middle, middle, low, high)


def test_what_two_reports_come_to() -> None:
    """By the best yardstick of both, at 10; a loss is better where there is less."""
    differences = [
        of("hit_watch_seconds@10", 1.0, 3.0, "popularity"),
        of("hit_watch_seconds@10", 1.0, 3.0, "candidates"),
        of("hit_watch_seconds@50", 1.0, 3.0),
        of("hit_watch_seconds@10", -3.0, -1.0),
        of("hit_rate@10", 1.0, 3.0),
        of("auc", 0.1, 0.3, "ranker"),
    ]
    found = compare.headline(differences)
    assert found == compare.Headline(compare.WORSE, differences[3])
    found = compare.headline([one for one in differences if one.model != "system"])
    assert found == compare.Headline(compare.BETTER, differences[1])
    unsure = [of("true_watch_seconds@5", -1.0, 3.0), of("auc", 0.1, 0.3, "ranker")]
    found = compare.headline(unsure)
    assert found == compare.Headline(compare.NO_DIFFERENCE, unsure[0])
    assert compare.headline(differences[:1]) is None


def test_names_of_both_stages_are_those_of_the_evaluation() -> None:
    assert report_summary.TWO_STAGE == (lists.SYSTEM, bundles.SYSTEM_SCANN)


def test_every_metric_is_explained() -> None:
    text = terminal.explain()
    for name in ("recall", "coverage", "auc", "weighted_per_user_loss", "interval"):
        assert f"  {name}: " in text
    assert max(map(len, text.splitlines())) <= 88


def test_a_short_report_has_the_best_of_others_and_what_was_won(
    screen: console.Console,
) -> None:
    report = example.report()
    best, weak = (
        copy.deepcopy(report["lists"]["popularity"]) for name in ("best", "weak")
    )
    for name in best["values"]:
        best["values"][name] = 0.9
        weak["values"][name] = 0.001
    report["lists"] |= {"als": best, "ease": weak, "oracle": best, "network": best}
    report["warnings"] = ["First warning.", "Second warning."]
    report["protocol"]["served_order"] = "The ranker's order is served"
    terminal.show(example.typed(report), is_full=False)
    text = screen.export_text()
    lines = [line.strip() for line in text.splitlines()]
    for name in ("popularity", "least squares (ALS)", "candidates", "ranker"):
        assert any(line.startswith(name) for line in lines)
    for name in ("EASE", "oracle", "candidates, network alone"):
        assert not any(line.startswith(name) for line in lines)
    assert "The ranker's order is served." in text
    assert "First warning." in text
    assert "Second warning." not in text
    assert "4,069 of 20,345 right answers" not in text
    assert lines[-1].endswith("notes and all systems: --full, or the page")
    table, _, rest = text.partition("ranker")
    assert report_summary.headline(example.typed(report))[:20] in rest
    assert "─" in table
