"""The arms of a backtest as they are given."""

import pytest

from ytdnn.base import errors
from ytdnn.lab.backtest import arms


def test_arms_are_read_in_their_order() -> None:
    read = arms.parse_all("never, refresh=1d,refit=36h,counted", 3_600)
    assert [(arm.kind, arm.every) for arm in read] == [
        (arms.NEVER, 0),
        (arms.REFRESH, 86_400),
        (arms.REFIT, 129_600),
        (arms.COUNTED, 0),
    ]
    assert read[1].words == "Refresh every 1d"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "each arm once, received ''"),
        ("never,counters,never", "each arm once"),
        ("weekly", "refresh=TIME or refit=TIME, received 'weekly'"),
        ("never=1d", "received 'never=1d'"),
        ("refresh", "--arms=refresh as minutes, hours or days"),
        ("refresh=0d", "such as 15m, 1h or 7d, received '0d'"),
        ("refit=90m", "a multiple of --every, received 'refit=90m'"),
    ],
)
def test_a_wrong_arm_is_one_line(text: str, line: str) -> None:
    with pytest.raises(errors.UserError, match=line) as caught:
        arms.parse_all(text, 3_600)
    assert "\n" not in str(caught.value)
