import pickle
from typing import Any

import numpy as np
import pytest

import ytdnn
from ytdnn.base import errors


def test_advice_is_told_apart_from_the_problem() -> None:
    error = errors.UserError("found a: b\n in c", "make  it again")
    assert str(error) == "found a: b in c: make it again"
    assert error.problem == "found a: b in c"


def test_without_advice_the_problem_is_the_message() -> None:
    with pytest.raises(errors.UserError) as caught:
        raise errors.SettingError("expected 1: received 2")
    assert str(caught.value) == caught.value.problem == "expected 1: received 2"


@errors.checked
def _made(k: int | None, share: float, by: "its.Owner" = None) -> Any:  # type: ignore[name-defined]  # noqa: F821
    return k, share


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (("3", 1.0), r'expected k of _made\(\) to be int or None, received "3"'),
        ((3, 1.0, "x"), 'expected by of .* to be Owner, received "x"'),
    ],
)
def test_arguments_of_other_types_are_refused(given: Any, line: str) -> None:
    with pytest.raises(errors.UserError, match=line):
        _made(*given)
    assert _made(np.int64(3), share=1) == (3, 1)
    assert pickle.loads(pickle.dumps(ytdnn.remove_videos)) is ytdnn.remove_videos
