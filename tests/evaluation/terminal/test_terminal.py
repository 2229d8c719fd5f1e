import copy
import io
from typing import Any

from rich import console

from tests.evaluation.terminal import example
from ytdnn.evaluation.terminal import notes, terminal


def shown(report: dict[str, Any], width: int = 88) -> str:
    screen = console.Console(width=width, file=io.StringIO(), record=True)
    screen.print(terminal.render(example.typed(report), width))
    return screen.export_text()


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_models_stand_side_by_side_with_their_intervals() -> None:
    report = example.report()
    del report["lists"]["oracle"]
    for model, value in (("popularity", 0.2), ("candidates", 0.3), ("system", 0.25)):
        report["lists"][model]["values"]["hit_rate@10"] = value
        report["lists"][model]["intervals"]["hit_rate@10"] = [
            value - 0.01,
            value + 0.01,
        ]
    text = shown(report)
    numbers = line_of(text, "hit_rate@10").split("│")
    assert [cell.strip() for cell in numbers[2:5]] == [
        "0.2000 ± 0.0100",
        "0.3000 ± 0.0100",
        "0.2500 ± 0.0100",
    ]
    assert "temporal protocol, test split: 3,812 users, lists of 1,987" in text
    assert "weighted_per_user_loss ↓" in text


def test_no_number_is_cut_off_in_a_narrow_terminal() -> None:
    report = example.report()  # four models
    for found in report["lists"].values():
        found["values"]["mean_popularity@10"] = 12_345.6789
        found["intervals"]["mean_popularity@10"] = [12_300.0, 12_390.0]
    for width, intervals in ((80, 0), (120, 4)):
        text = shown(report, width)
        assert "…" not in text
        line = line_of(text, "mean_popularity@10")
        assert line.count("12,345.7") == 4
        assert line.count("± 45.0") == intervals
        assert ("in a wider terminal" in text) == (intervals == 0)
        assert max(map(len, text.splitlines())) <= width


def test_many_systems_stand_below_each_other_in_a_narrow_terminal() -> None:
    report = example.report()
    for name in ("recent_popularity", "markov", "co_watch", "user_neighbours"):
        report["lists"][name] = copy.deepcopy(report["lists"]["popularity"])
    report["lists"]["user_neighbours"]["values"]["recall@10"] = 1_234.5
    narrow = shown(report, 80)
    assert max(map(len, narrow.splitlines())) <= 80
    cells = [one.strip() for one in line_of(narrow, "user neighbours").split("│")]
    assert "1,234.5" in cells
    assert "in a wider terminal" in " ".join(narrow.split())
    assert "recent_popularity" not in narrow


def test_the_gap_to_the_oracle_is_told_where_there_is_one() -> None:
    report = example.report()
    report["gap_closed"] = {
        "lists": {"candidates": {"recall@10": 0.25}, "system": {"recall@10": -0.02}},
        "impressions": {"ranker": {"auc": 0.5}},
    }
    text = shown(report)
    assert "gap to the oracle closed" in text
    assert "25%" in text
    assert "-2%" in text
    assert "50%" in text
    assert "gap to the oracle closed" not in shown(example.report())


def test_a_decile_off_its_prediction_is_marked() -> None:
    report = example.report()
    tenths = report["calibration"]["ranker"]["seconds"]
    for tenth in tenths:
        tenth["ratio"] = [1.02, 0.96, 1.07]
    tenths[0]["ratio"], tenths[1]["ratio"] = [1.31, 1.12, 1.5], [None, None, None]
    line = line_of(shown(report, 80), "ranker seconds").split()
    assert line == ["ranker", "seconds", "1.31*", "–", *["1.02"] * 8]


def test_parts_of_the_impressions_are_told() -> None:
    report = example.report()
    rows = report["impression_slices"]["id_embedding"]
    rows[1]["models"]["ranker"]["weighted_per_user_loss"] = [0.4542, 0.43, 0.48]
    after = shown(report, 80).split("without an id embedding: 15,000")[1]
    line = line_of(after, "weighted_per_user_loss ↓")
    assert [cell.strip() for cell in line.split("│")[2:5]] == [
        "0.3800",
        "0.4542",
        "0.2400",
    ]


def test_undefined_numbers_are_a_dash() -> None:
    found = example.bare()
    entry = {"values": {"auc": None}, "intervals": {"auc": [None, None]}}
    found["impressions"] = {"ranker": entry}
    text = shown(found)
    assert "0.2500" in text
    assert "–" in line_of(text, "auc")


def test_what_a_reader_must_know_is_told() -> None:
    report = example.report()
    text = " ".join(shown(report).split())
    assert (
        "4,069 of 20,345 right answers are videos that were first watched after" in text
    )
    assert "none of the inputs of 20,345 examples is at or after its label" in text
    assert "Retrieval is judged by hits, the ranker by watch time." in text
    report["protocol"]["source"] = "movielens"
    assert "On MovieLens expect both stages below" in shown(report)


def test_a_log_without_slates_is_told() -> None:
    report = example.report()
    assert "No slate of the log" not in shown(report)
    for found in report["impressions"].values():
        found["values"] |= {"page_ndcg_by_seconds": 1.0, "weighted_per_user_loss": None}
    assert "--config.data.page_gap_seconds=600" in shown(report)
    for found in report["impressions"].values():
        found["values"]["page_ndcg_by_seconds"] = None  # no watch time
    assert "No slate of the log" not in shown(report)


def test_without_a_ranker_nothing_is_said_of_one() -> None:
    report = example.report()
    del report["lists"]["system"], report["impressions"]
    del report["off_policy"]["systems"]["system"]
    del report["latency"]["ranker_batched_ms"]
    assert "ranker" not in shown(report)


def test_what_makes_numbers_incomparable_is_said() -> None:
    report = example.bare()
    report["protocol"] |= {"answers_out_of_vocabulary": 0}
    assert not list(notes.sentences(example.typed(report)))
    report["protocol"] |= {
        "train_watches_after_answers": 1_234,
        "sees_request_time": True,
        "system_left_out": "the ranker was trained later",
    }
    found = " ".join(notes.sentences(example.typed(report)))
    assert "1,234 training watches" in found
    assert "reads the time of the request" in found
    assert "left out: the ranker was trained later." in found


def test_on_a_world_the_page_of_each_system_comes_first() -> None:
    for width in (80, 140):
        text = shown(example.with_pages(), width)
        assert max(map(len, text.splitlines())) <= width
        first, _, rest = text.partition("temporal protocol")
        assert "1,390.0" in line_of(first, "both stages")
        assert "4,218.0" in line_of(first, "best slate of all videos")
        words = " ".join(first.split())
        assert "slate of 520 true watch seconds into one of 1,390: +870" in words
        assert "candidates in best order: both stages 55 % (54 to 56)" in words
        table = rest.partition("ranker: 41,000 logged")[0]
        assert "+ ranker" not in table
        assert "true_watch_seconds" not in table
        assert "watch_time_recall@10" in table
        assert "watch_time_recall@50" not in table
        assert "Retrieval is judged by hits" in " ".join(rest.split())


def test_of_a_model_with_content_new_answers_are_not_beyond_reach() -> None:
    report = example.report()
    report["protocol"] |= {"answers_out_of_vocabulary": 7}
    assert "cannot be retrieved" in " ".join(notes.sentences(example.typed(report)))
    listed = report["protocol"]["videos"] + 1
    report["protocol"] |= {"candidate_set_videos": listed}
    found = " ".join(notes.sentences(example.typed(report)))
    assert "by their content alone" in found
    assert "cannot be retrieved" not in found


def test_what_other_pages_would_have_brought_is_told_beside_the_log() -> None:
    text = shown(example.report(), 120)
    part = text[text.index("estimated values of other slates") :]
    system = part[part.index("both stages:") :]
    cells = [c.strip() for c in line_of(system, "watch seconds of a place").split("│")]
    # Of skill 0.9: 40 · 0.9, give and take 5 %.
    assert cells[2:7] == ["31.5 ± 1.6", *3 * ["36.0 ± 1.8"], "1,111"]
    clicks = [c.strip() for c in line_of(system, "clicks of a page").split("│")]
    assert clicks[5:7] == ["–", "11"]  # no model of clicks
    assert "2,000 of 5,400 pages, 16,000 places of 812 users" in part
    assert "17 pages not known whole" in part
    narrow = shown(example.report(), 80)
    assert "31.5" in narrow
    assert max(map(len, narrow.splitlines())) <= 80
    assert "what other pages" not in shown(example.report() | {"off_policy": None})


def test_orders_of_the_videos_shown_stand_first_on_a_real_log() -> None:
    report = example.with_pages(is_world=False)
    report["shown_lists"] = example.shown_lists()
    text = shown(report, 120)
    title = "The order on this log: share of the watch time shown"
    assert text.index(title) < text.index("the page of 10 videos")
    line = line_of(text, "│ ranker ")
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells[:3] == ["ranker", "38.0 ± 0.8 %", "68.4 ± 1.4 %"]
    assert "would keep 68.4 % of the watch time" in " ".join(text.split())
    narrow = shown(report, 80)
    assert "68.4 %" in narrow
    assert max(map(len, narrow.splitlines())) <= 80
    world = example.with_pages()
    world["shown_lists"] = example.shown_lists(is_world=True)
    text = shown(world, 120)
    assert text.index("the page of 10 videos") < text.index(title)
