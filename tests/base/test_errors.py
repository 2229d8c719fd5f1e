import pytest

from ytdnn.base import errors


def test_advice_is_told_apart_from_the_problem() -> None:
    error = errors.UserError("found a: b\n in c", "make  it again")
    assert str(error) == "found a: b in c: make it again"
    assert error.problem == "found a: b in c"


def test_without_advice_the_problem_is_the_message() -> None:
    with pytest.raises(errors.UserError) as caught:
        raise errors.SettingError("expected 1: received 2")
    assert str(caught.value) == caught.value.problem == "expected 1: received 2"
