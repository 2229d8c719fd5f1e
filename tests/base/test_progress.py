"""Progress of long steps: a bar in a terminal, lines into a pipe."""

import contextlib
import io

import pytest
import rich.console

from ytdnn.base import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns a clock that stands still until its only value is changed."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_pipe_is_given_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in progress.through(range(10), "oracle", "users", [100] * 10):
        clock[0] += 12.0
    # The first unit's time is not counted: it may have compiled.
    assert capsys.readouterr().err.splitlines() == [
        "oracle: 300 of 1,000 users, about 84 s left",
        "oracle: 600 of 1,000 users, about 48 s left",
        "oracle: 900 of 1,000 users, about 12 s left",
    ]


def test_a_round_that_ends_soon_says_nothing(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Bar("ranking", 100, "steps") as bar:
        for epoch in range(1, 20):
            for step in range(1, 101):
                clock[0] += 0.09
                bar.reach(step, of=f"epoch {epoch}/19")
    assert capsys.readouterr().err == ""


def test_a_round_that_goes_on_counts_only_its_own_units(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Bar("ranking", 1_000, "steps") as bar:
        bar.reach(700, "5 examples/s", "epoch 2/3")
        clock[0] += 100.0
        bar.reach(800, "5 examples/s", "epoch 2/3")
        bar.reach(1, "5 examples/s", "epoch 3/3")
        clock[0] += 600.0
        bar.reach(101, "6 examples/s", "epoch 3/3")
    assert capsys.readouterr().err.splitlines() == [
        "ranking epoch 2/3: 800 of 1,000 steps, 5 examples/s, about 3 min left",
        "ranking epoch 3/3: 101 of 1,000 steps, 6 examples/s, about 90 min left",
    ]


def test_short_epochs_have_no_line_each(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Meter("ranking", 8, 10, 512) as meter:
        for epoch in range(1, 9):
            clock[0] += 12.0
            meter.show_epoch(epoch, 0.5, {}, "", is_best=False)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"ranking epoch {epoch}/8" for epoch in (1, 4, 7, 8)
    ]


def test_nothing_of_a_caller_s_own_program(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.shown(False), progress.shown(True):
        progress.say("a line")
        for _ in progress.through(range(3), "outer", "steps"):
            clock[0] += 40.0
    assert capsys.readouterr().err == ""
    progress.say("[a] line")
    assert capsys.readouterr().err == "[a] line\n"


def test_a_terminal_is_shown_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = rich.console.Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "console", lambda: terminal)
    with contextlib.suppress(KeyError):
        for item in progress.through(range(4), "oracle", "users", [250] * 4):
            for _ in progress.through(range(2), "inner", "steps"):
                pass
            if item == 2:
                raise KeyError
    assert "500/1000" in screen.getvalue()
    assert "inner" not in screen.getvalue()


def test_a_line_stands_above_the_bar_that_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()

    def console() -> rich.console.Console:
        return rich.console.Console(file=screen, force_terminal=True, width=100)

    monkeypatch.setattr(progress, "console", console)
    outer, inner = (progress.Bar(name, 3, "days") for name in ("live test", "inner"))
    with outer, inner:
        outer.reach(1)
        progress.say("an arm is trained on")
    before, after = screen.getvalue().split("an arm is trained on")
    assert before.endswith("\r\x1b[2K")  # the bar was taken away
    assert "1/3" in after  # and stands below it again
    progress.say("the end")
    assert screen.getvalue().endswith("the end\n")
