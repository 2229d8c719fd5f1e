"""Every benchmark runs in its tiny form and prints whole tables."""

import ast
import pathlib

import numpy as np
import pytest

from experiments.benchmarks import (
    answer,
    delta,
    everybody,
    index,
    long_log,
    measure,
    ranking,
    sampled_gradient,
    serve,
    train_step,
)
from experiments.benchmarks import input as input_benchmark

DIRECTORY = pathlib.Path(measure.__file__).parent
FILES = sorted(
    path for path in DIRECTORY.glob("*.py") if "def main(" in path.read_text()
)


def _tables(text):
    """Returns the rows of each Markdown table, header first, as lists of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block[:1] == "|"]
    return [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in block]
        for block in blocks
    ]


def test_train_step(capsys):
    train_step.main(["--tiny", "--repeats=2", "--parts", "flat", "full"])
    flat, full = _tables(capsys.readouterr().out)
    assert [row[1] for row in flat[2:]] == ["products", "50", "100", "products", "100"]
    assert all(float(row[2]) > 0 for row in flat[2:])
    assert [row[0] for row in full[2:]] == ["sampled", "full", "ratio"]


def test_products_are_counted_by_hand():
    # Layers 8 → 16 → 8 → 8 of 32 examples, then 32 + 64 columns of 8; each thrice.
    layers = 32 * (8 * 16 + 16 * 8 + 8 * 8)
    softmax = 32 * 96 * 8
    flops = sum(p.flops for p in train_step.products(train_step.TINY))
    assert flops == 3 * 2 * (layers + softmax)


def test_delta(capsys):
    delta.main(["--tiny", "--repeats=2"])
    (table,) = _tables(capsys.readouterr().out)
    assert table[0][1:] == ["0", "1%", "5%", "10%", "20%", "50%"]
    assert all(float(cell) > 0 for row in table[2:] for cell in row[1:])


def test_sampled_gradient(capsys):
    sampled_gradient.main(["--tiny"])
    (table,) = _tables(capsys.readouterr().out)
    assert len(table) == 2 + 4 * len(sampled_gradient.TREATMENTS)
    cosines = [
        float(c) for row in table[2:] for cell in row[2:] for c in cell.split("/")
    ]
    assert all(-1 <= cosine <= 1.0001 for cosine in cosines)


def test_ranking(capsys):
    ranking.main(["--tiny", "--repeats=10"])
    training, scoring = _tables(capsys.readouterr().out)
    rates = {row[0]: float(row[2].replace(",", "")) for row in training[2:]}
    assert rates["step of a given batch"] < rates["products alone"]
    assert len(scoring) == 2 + 2 * 7
    for _, _, _, median, p99, core in scoring[2:]:
        assert 0.0 < float(median) <= float(p99)
        assert float(core) > 0.0


@pytest.mark.slow
def test_answer(capsys):
    answer.main(["--tiny", "--repeats=5"])
    times, memory = _tables(capsys.readouterr().out)
    parts = {(row[0], row[1]): float(row[2]) for row in times[2:]}
    for name in ("recommender_exact", "recommender_lsh"):
        assert parts[name, "index"] > 0.0
        assert 0.0 < parts[name, "ranker"] < 1e4
        assert parts[name, "user tower"] < parts[name, "whole"]
    assert float(memory[-1][1].replace(",", "")) > 0


@pytest.mark.slow
def test_serve(capsys, tmp_path):
    serve.main(["--tiny"])
    out = capsys.readouterr().out
    loads, parts, most, swaps = _tables(out)
    assert [row[0] for row in loads[2:]] == ["off", "on"]
    assert [row[3] for row in loads[2:]] == ["0", "0"]  # failed
    assert all(int(row[2].replace(",", "")) > 0 for row in loads[2:])
    assert [row[0] for row in parts[2:]] == ["off", "on"]
    assert len(most) == 4
    assert swaps[2][:2] == ["1", "2"]
    assert swaps[2][3] == "0"


@pytest.mark.slow
def test_everybody(capsys):
    everybody.main(["--tiny", "--turns=1"])
    turns, whole = _tables(capsys.readouterr().out)
    assert [row[0] for row in turns[2:]] == [
        "products alone",
        "products and best k",
        "all, written",
    ]
    assert all(float(row[1].replace(",", "")) > 0 for row in turns[2:])
    assert [row[:2] for row in whole[2:]] == [
        ["without", "300"],
        ["with the ranker", "20"],
    ]


def test_input(capsys):
    input_benchmark.main(["--tiny", "--repeats=1"])
    (table,) = _tables(capsys.readouterr().out)
    assert [row[0] for row in table[2:]] == ["now", "plain way"]


def test_index(capsys):
    index.main(["--tiny"])
    out = capsys.readouterr().out
    tables = _tables(out)
    assert len(tables) in (1, 2)  # one core, and all of them where there are more
    for table in tables:
        names = [row[0] for row in table[2:]]
        assert names[:4] == ["empty call", "read", "matvec", "ytdnn exact"]
        assert "ytdnn LSH" in names
        for name, recall, p50, p99, *_, ratio in table[2:]:
            assert 0.0 < float(p50) <= float(p99)
            assert float(ratio) > 0.0
            assert name in names[:3] or float(recall) >= 0.9
    for peer in ("hnswlib", "faiss", "usearch"):
        assert peer in out  # measured, or said to be missing


def test_index_of_given_vectors(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "systems", lambda number: [index._exact()])
    vectors, queries = index.clustered(300, 8, 5)
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "queries.npy", queries)
    given = [f"--{name}={tmp_path / name}.npy" for name in ("vectors", "queries")]
    index.main([*given, "--k=7"])
    assert "300 × 8, k 7" in capsys.readouterr().out


def test_medians_are_of_functions_run_in_turns():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = measure.interleaved(functions, repeats=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert set(seconds) == {"a", "b"}


@pytest.mark.slow
def test_long_log(capsys, tmp_path):
    long_log.main(["--tiny", f"--scratch={tmp_path}"])
    (table,) = _tables(capsys.readouterr().out)
    (few, many) = table[2:]
    assert [few[2], many[2]] == ["2", "9"]
    assert int(many[5]) > 1
    assert all(float(row[-1]) > 0 for row in (few, many))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_asks_and_is_indexed(path):
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert text.splitlines()[0].endswith("?")
    assert "Claim" in text
    assert f"python -m experiments.benchmarks.{path.stem}" in text
    assert "Measured 20" in text
    index = (DIRECTORY.parent / "README.md").read_text()
    assert f"(benchmarks/{path.name})" in index
