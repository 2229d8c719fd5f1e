"""Inputs made by rule: no stack trace, one line of an error, no row lost in silence."""

import itertools
import json
import pathlib

import pytest

from tests.run.cli.tried import runner, third_pass

_STEP = 16  # of the cases that the default suite tries


def _try(case: third_pass.Case, directory: pathlib.Path) -> str:
    """Returns what is wrong with what a case ends in, empty where nothing is."""
    outcome = runner.attempt(case.one, directory, directory)
    if outcome.status is None:
        return f"stack trace: {outcome.line}"
    for word in ("Traceback", "panicked"):
        if word in outcome.out:
            return f"{word} in what is said"
    if outcome.status == 2:
        lines = outcome.out.count("ytdnn: error: ")
        return "" if lines == 1 else f"{lines} lines of an error"
    if outcome.status:
        return f"status {outcome.status}"
    manifest = directory / "RUN" / "data" / "manifest.json"
    if case.rows is None or not manifest.exists():
        return ""
    facts = json.loads(manifest.read_text())["facts"]
    dropped = sum(
        number
        for reason, number in facts["bad_rows"].items()
        if reason.startswith("watches.") and not reason.endswith("(kept)")
    )
    told = facts["rows"]["watches"] + dropped
    noted = any("left out" in note for note in facts["notes"].get("watches", ()))
    return "" if told == case.rows or noted else f"{case.rows} rows, {told} told of"


def _failures(cases: list[third_pass.Case], directory: pathlib.Path) -> list[str]:
    found = []
    for number, case in enumerate(cases):
        wrong = _try(case, directory / str(number))
        if wrong:
            found.append(f"{case.one.what} ({case.one.command[:80]}): {wrong[:200]}")
    return found


def test_there_are_three_hundred() -> None:
    assert sum(len(list(make())) for make in third_pass.CASES.values()) > 300


@pytest.mark.parametrize("group", third_pass.CASES)
def test_some_of_each_group(group: str, tmp_path: pathlib.Path) -> None:
    cases = list(itertools.islice(third_pass.CASES[group](), 0, None, _STEP))
    assert _failures(cases, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("group", third_pass.CASES)
def test_all_of_each_group(group: str, tmp_path: pathlib.Path) -> None:
    assert _failures(list(third_pass.CASES[group]()), tmp_path) == []
