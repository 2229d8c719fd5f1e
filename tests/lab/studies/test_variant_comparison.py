"""A study: means over seeds, and paired differences to the first variant."""

import math
import pathlib
from typing import Any

import polars as pl
import pytest
from rich import console

from tests.evaluation import example
from ytdnn import configs
from ytdnn.base import artifacts, errors, formats
from ytdnn.evaluation import report_files
from ytdnn.lab.pages import study_table
from ytdnn.lab.studies import variant_comparison

Path = pathlib.Path

METRIC = "candidates/hit_rate@10"
SECONDS = 30.0
# Hits of four users in two seeds.
FIRST = {0: [1.0, 0.0, 0.0, 0.0], 1: [0.0, 1.0, 0.0, 0.0]}
BETTER = {0: [1.0, 1.0, 1.0, 0.0], 1: [1.0, 1.0, 0.0, 0.0]}


def write_run(
    directory: Path,
    hits: list[float],
    seed: int,
    tower: tuple[int, ...] = (),
    targets: str = "all",
    sees_request_time: bool = False,
) -> Path:
    """Writes what an evaluated run of hits@10 leaves."""
    candidates = configs.CandidatesConfig(tower=tower)
    config = configs.to_dict(configs.Config(candidates=candidates, seed=seed))
    report = example.bare() | {"config": formats.plain(config)}
    report["protocol"] |= {"users": 4, "videos": 9, "targets": targets}
    report["protocol"] |= {"sees_request_time": sees_request_time}
    report["lists"] = {
        model: {"values": {"hit_rate@10": value, "coverage@10": None}, "intervals": {}}
        for model, value in {"popularity": 0.25, "candidates": sum(hits) / 4}.items()
    }
    report |= {"latency": {"user_vector_batched_ms": 0.05}, "vector_width": 65}
    directory.mkdir(parents=True)
    columns = {"popularity/hit_rate@10": [1.0, 0.0, 0.0, 0.0], METRIC: hits}
    frame = pl.DataFrame({"user_id": list("abcd"), "answers": [1, 2, 3, 1], **columns})
    result = report_files.Result(example.typed(report), frame, {})
    with report_files.publish(directory / "evaluation", result):
        pass
    facts = {"seconds": SECONDS + seed}
    with artifacts.publish(directory / "candidates", "candidates", {}, {}, facts):
        pass
    return directory


def write_study(
    root: Path, **variants: dict[int, list[float]]
) -> variant_comparison.Runs:
    return {
        name: {
            seed: write_run(root / name / f"seed-{seed}", hits, seed, (place + 1,))
            for seed, hits in of_seeds.items()
        }
        for place, (name, of_seeds) in enumerate(variants.items())
    }


def test_a_variant_is_the_mean_and_the_spread_of_its_seeds(tmp_path: Path) -> None:
    found = variant_comparison.measure(
        write_study(tmp_path, first=FIRST, better=BETTER), "test"
    )
    one = found["variants"]["better"]["metrics"][METRIC]
    assert one["by_seed"] == [3 / 4, 2 / 4]
    assert one["mean"] == (3 / 4 + 2 / 4) / 2
    # Of two numbers 1/4 apart: 1/4 / sqrt(2).
    assert one["spread"] == pytest.approx(0.25 / math.sqrt(2))
    assert found["variants"]["better"]["training_seconds"]["mean"] == SECONDS + 0.5
    assert found["variants"]["better"]["vector_width"] == 65
    assert found["variants"]["better"]["user_vector_ms"]["mean"] == 0.05
    assert found["references"]["popularity"]["hit_rate@10"] == 0.25
    assert found["references"]["oracle"] == {}
    assert found["variants"]["better"]["settings"] == {"candidates.tower": [2]}


def test_the_difference_is_of_each_users_mean_over_the_seeds(tmp_path: Path) -> None:
    found = variant_comparison.measure(
        write_study(tmp_path, first=FIRST, better=BETTER), "test"
    )
    assert found["baseline"] == "first"
    assert found["variants"]["first"]["differences"] == {}
    one = found["variants"]["better"]["differences"][METRIC]
    # Users' means: 1/2 1/2 0 0 and 1 1 1/2 0, apart by 1/2 1/2 1/2 0.
    assert one["difference"] == pytest.approx(3 / 8)
    assert 0.0 < one["low"] <= 3 / 8 <= one["high"] <= 1 / 2


def test_one_seed_has_no_spread_and_its_report_is_the_result(tmp_path: Path) -> None:
    runs = write_study(tmp_path, first={7: FIRST[0]})
    found = variant_comparison.measure(runs, "test")
    one = found["variants"]["first"]["metrics"][METRIC]
    assert one == {"mean": 0.25, "spread": None, "by_seed": [0.25]}
    text = shown(found)
    assert "Seeds: 7." in text
    assert "±" not in text


def test_what_was_not_asked_the_same_is_refused(tmp_path: Path) -> None:
    runs = {
        targets: {0: write_run(tmp_path / targets / "seed-0", FIRST[0], 0, (), targets)}
        for targets in ("all", "next")
    }
    with pytest.raises(errors.UserError, match="targets 'all' and 'next'"):
        variant_comparison.measure(runs, "test")


def test_a_variant_that_sees_the_request_time_is_marked(tmp_path: Path) -> None:
    runs = {
        name: {0: write_run(tmp_path / name / "seed-0", hits[0], 0, (), "all", sees)}
        for name, hits, sees in (("first", FIRST, False), ("timed", BETTER, True))
    }
    found = variant_comparison.measure(runs, "test")
    for words in (shown(found), study_table.markdown(found)):
        assert "Sees request time: timed." in words
    plain = variant_comparison.measure(
        write_study(tmp_path / "plain", first=FIRST), "test"
    )
    assert "equest time" not in shown(plain)


def test_metrics_are_chosen_or_refused_with_a_hint(tmp_path: Path) -> None:
    runs = write_study(tmp_path, first=FIRST)
    assert variant_comparison.measure(runs, "test")["shown"] == [METRIC]
    with pytest.raises(errors.UserError, match=f"did you mean {METRIC}"):
        variant_comparison.measure(runs, "test", ["candidates/hitrate@10"])


def shown(found: dict[str, Any], width: int = 200) -> str:
    screen = console.Console(width=width)
    with screen.capture() as capture:
        screen.print(study_table.render(found, width))
    return capture.get()


def test_the_table_and_the_markdown_say_what_was_found(tmp_path: Path) -> None:
    found = variant_comparison.measure(
        write_study(tmp_path, first=FIRST, better=BETTER), "test"
    )
    text, markdown = shown(found), study_table.markdown(found)
    for words in (text, markdown):
        assert "temporal protocol, test split: 4 users, 9 videos" in words
        assert "0.6250 ± 0.1768" in words
        assert "Seeds: 0, 1; mean ± standard deviation" in words
    row = next(line for line in text.splitlines() if line.split()[:1] == ["better"])
    one = found["variants"]["better"]["differences"][METRIC]
    assert f"+0.3750 [{one['low']:+.4f}, {one['high']:+.4f}]  *" in row
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert table[0].split(" | ")[1:3] == ["hit_rate@10", "training s"]
    assert table[3].startswith("| better | 0.6250 ± 0.1768 | 30 | 65 | 0.05 | ")
    assert table[3].endswith(f"+0.3750 [{one['low']:+.4f}, {one['high']:+.4f}] | * |")
    assert f"[{one['low']:+.4f}" not in shown(found, width=60)
    assert table[4].startswith("| popularity | 0.2500 |")
