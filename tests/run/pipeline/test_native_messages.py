"""The native log is kept back, and shown when something fails."""

import os

import pytest

from ytdnn.run.pipeline import native_messages


def test_the_native_log_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    with native_messages.kept_back():
        os.write(2, b"I0000 partitioner\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_the_native_log_is_shown_after_an_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        os.write(2, b"E0000 out of memory\n")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), native_messages.kept_back():
        fail()
    assert capfd.readouterr().err == "E0000 out of memory\n"
