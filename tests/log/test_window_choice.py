"""Where windows begin: shares of watches, of impressions, a column, or dates."""

import dataclasses
import datetime

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import events, shard_arrays, window_choice

SPLIT = events.Split
DAY = 86_400


def _windows(
    config: configs.DataConfig, watches: pl.LazyFrame
) -> window_choice.Windows | None:
    """Returns the windows of a log with an impression for each watch."""
    return window_choice.choose(config, watches, watches).windows


def test_temporal_windows_hold_the_configured_shares():
    watches = pl.LazyFrame({"time": np.arange(1000)})
    config = configs.DataConfig(
        test_fraction=0.1, ranking_fraction=0.2, validation_fraction=0.1
    )
    bounds = _windows(config, watches)
    codes = shard_arrays.temporal_watches(np.arange(1000), bounds)
    # Training 0.7, of which the last tenth validates: 0.63 + 0.07 + 0.2 + 0.1.
    shares = np.bincount(codes, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.63, 0.07, 0.1, 0.2], atol=0.002)
    shown = shard_arrays.temporal_impressions(np.arange(1000), bounds)
    shares = np.bincount(shown, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.18, 0.02, 0.1, 0.7], atol=0.002)


def test_without_impressions_the_share_of_the_ranker_trains_the_candidates():
    watches = pl.LazyFrame({"time": np.arange(1000)})
    config = configs.DataConfig(
        test_fraction=0.1, ranking_fraction=0.2, validation_fraction=0.1
    )
    for shown in (None, pl.LazyFrame(schema={"time": pl.Int64})):
        bounds = window_choice.choose(config, watches, shown).windows
        codes = shard_arrays.temporal_watches(np.arange(1000), bounds)
        shares = np.bincount(codes, minlength=4) / 1000
        np.testing.assert_allclose(shares, [0.81, 0.09, 0.1, 0.0], atol=0.002)
    dated = configs.DataConfig(test_from="1970-01-01T00:10:00+00:00")
    bounds = window_choice.choose(dated, watches).windows
    assert bounds.validation == pytest.approx(540, abs=2)
    assert bounds.ranking == bounds.ranking_validation == bounds.test == 600


def test_watches_of_one_time_are_refused():
    watches = pl.LazyFrame({"time": [5, 5, 5]})
    with pytest.raises(errors.UserError, match="training window empty"):
        _windows(configs.DataConfig(), watches)


def test_shares_that_leave_no_training_are_refused():
    config = configs.DataConfig(test_fraction=0.6, ranking_fraction=0.5)
    with pytest.raises(errors.UserError, match="lower one"):
        _windows(config, pl.LazyFrame({"time": [1, 2]}))


def _given(names: str, times: list[int]) -> pl.LazyFrame:
    words = {"t": "train", "v": "validation", "x": "test"}
    return pl.LazyFrame({"split": [words[n] for n in names], "time": times})


def test_windows_of_a_given_split_begin_at_its_first_watches():
    bounds = _windows(configs.DataConfig(), _given("vttxv", [6, 1, 5, 9, 7]))
    assert bounds == window_choice.Windows(
        validation=6, ranking=1, ranking_validation=6, test=9
    )
    shown = shard_arrays.temporal_impressions(np.array([0, 1, 5, 6, 8, 9]), bounds)
    context, train, validation, test = (
        SPLIT.CONTEXT,
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.TEST,
    )
    expected = [context, train, train, validation, validation, test]
    assert shown.tolist() == expected


def test_a_random_split_is_refused_for_the_temporal_protocol_with_the_reason():
    with pytest.raises(errors.UserError) as caught:
        _windows(configs.DataConfig(), _given("txtvt", [1, 3, 4, 5, 6]))
    message = str(caught.value)
    assert "found 2 train watches at or after the first test watch (time 3)" in message
    assert "as a random split has" in message
    assert "--protocol=split" in message


@pytest.mark.parametrize(
    ("names", "times", "words"),
    [
        ("tvvx", [1, 2, 9, 8], "1 validation watches at or after the first test"),
        ("tvx", [5, 5, 8], "1 train watches at or after the first validation"),
        ("ttx", [1, 2, 3], "found no validation"),
        ("t", [1], "found no validation and no test"),
    ],
)
def test_a_given_split_out_of_order_or_incomplete_is_refused(names, times, words):
    with pytest.raises(errors.UserError, match=words):
        _windows(configs.DataConfig(), _given(names, times))


# --- Impressions that lie elsewhere than the watches ----------------------------------


def _times(*parts: tuple[float, float, int]) -> pl.LazyFrame:
    """Returns events evenly from one day to another, so many in each part."""
    times = [np.linspace(a * DAY, b * DAY, n, endpoint=False) for a, b, n in parts]
    return pl.LazyFrame({"time": np.concatenate(times).astype(np.int64)})


def test_windows_by_watches_stay_where_impressions_lie_in_them() -> None:
    watches, config = _times((0, 10, 1000)), configs.DataConfig()
    plain = _windows(config, watches)
    # The ranker's window is from day 7 to 9; impressions end soon after it begins.
    found = window_choice.choose(config, watches, _times((0, 7.5, 900)))
    assert found.windows == plain
    assert found.notes == ()


@pytest.mark.parametrize(
    ("per_day", "days"), [(90_000, 2), (160_000, 1.25), (9**6, 0.5)]
)
def test_a_ranker_gets_no_more_impressions_than_it_needs(
    per_day: int, days: float
) -> None:
    """The last 200,000, in a quarter of its share at least."""
    watches, config = _times((0, 10, 10_000)), configs.DataConfig()
    shown = _times((0, 10, 10 * per_day))
    found = window_choice.choose(config, watches, shown).windows
    assert found is not None
    begin = 9 - days
    starts = [0.9 * begin, begin, 9 - 0.1 * days, 9.0]
    expected = [start * DAY for start in starts]
    assert list(dataclasses.astuple(found)) == pytest.approx(expected, abs=300)
    dated = dataclasses.replace(config, test_from="1970-01-10")
    given = window_choice.choose(dated, watches, shown).windows
    assert given is not None
    assert given.ranking == pytest.approx(7 * DAY, abs=300)


def test_a_history_before_all_impressions_leaves_the_ranker_its_share_of_these() -> (
    None
):
    """As MIND: four weeks of watches, then six days of impressions and clicks."""
    watches = _times((0, 28, 9_000), (28, 34, 1_000))
    shown = _times((28, 34, 60_000))
    plain = _windows(configs.DataConfig(), watches)
    assert plain is not None
    assert plain.test <= 28 * DAY + 100  # none for the ranker
    found = window_choice.choose(configs.DataConfig(), watches, shown)
    assert found.windows is not None
    # 70, 18, 2 and 10 % of six days.
    starts = [28 + 6 * share for share in (0.7, 0.88, 0.9)]
    chosen = found.windows
    own = [chosen.ranking, chosen.ranking_validation, chosen.test]
    assert own == pytest.approx([start * DAY for start in starts], abs=600)
    # The candidates validate on the last tenth of 9,700 watches before: 700 of the six
    # days, and 270 of the history.
    assert chosen.validation == pytest.approx((28 - 28 * 270 / 9_000) * DAY, abs=600)
    (note,) = found.notes
    assert "holds 0 of 60,000 impressions" in note
    assert "shares of the impressions at the time of watches" in note


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ((20, 22, 100), "--config.data.clicks_are_watches=true makes clicks watches"),
        ((-9, -8, 100), "check the times of both tables, which must overlap"),
        ((9.9, 9.901, 1), "set where the windows begin, --config.data.ranking_from="),
    ],
)
def test_where_no_window_is_possible_the_setting_that_makes_one_is_named(
    shown: tuple[float, float, int], words: str
) -> None:
    config = configs.DataConfig(test_fraction=0.1)
    watches = _times((0, 10, 1000))
    found = window_choice.choose(config, watches, _times(shown))
    assert found.windows == _windows(config, watches)
    assert words in found.advice
    assert "watches from 1970-01-01 00:00 to 1970-01-10 23:" in found.advice


# --- Dates ----------------------------------------------------------------------------


def _date(day: int) -> str:
    return f"{datetime.date(1970, 1, 1) + datetime.timedelta(days=day)}"


def test_windows_begin_where_they_are_set_to() -> None:
    watches = _times((0, 10, 1_000))
    config = configs.DataConfig(
        validation_from=_date(5),
        ranking_from="1970-01-07T08:00:00+08:00",
        test_from=_date(8),
    )
    found = _windows(config, watches)
    assert found is not None
    own = found.validation, found.ranking, found.test
    assert own == (5 * DAY, 6 * DAY, 8 * DAY)
    assert found.ranking_validation == pytest.approx(7.8 * DAY, abs=DAY / 50)


def test_what_is_not_set_is_a_share_of_the_rest() -> None:
    # The test from day 8 on; the ranker's 2/9 of eight days before, a tenth held out.
    found = _windows(configs.DataConfig(test_from=_date(8)), _times((0, 10, 10_000)))
    assert found is not None
    assert found.test == 8 * DAY
    ranking = 8 - 8 * 0.2 / 0.9
    assert found.ranking == pytest.approx(ranking * DAY, abs=DAY / 500)
    assert found.validation == pytest.approx(0.9 * ranking * DAY, abs=DAY / 400)
    validated = 8 - 0.1 * (8 - ranking)
    assert found.ranking_validation == pytest.approx(validated * DAY, abs=DAY / 500)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test_from": "soon"}, "expected data.test_from as 2022-04-29"),
        ({"test_from": _date(99)}, "windows that follow each other between the first"),
        ({"test_from": _date(5), "ranking_from": _date(6)}, "change data.ranking_from"),
        (
            {"test_from": _date(5), "protocol": "leave_one_out"},
            "leave data.test_from out",
        ),
    ],
)
def test_dates_that_make_no_windows_are_refused(
    settings: dict[str, str], words: str
) -> None:
    with pytest.raises(errors.UserError, match=words):
        _windows(configs.DataConfig(**settings), _times((0, 10, 100)))  # type: ignore[arg-type]
