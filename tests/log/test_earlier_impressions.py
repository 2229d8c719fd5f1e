"""Impressions before the ranker's window as its training's."""

import pathlib

import numpy as np
import pytest

from tests import planted
from ytdnn.log import earlier_impressions, events, prepared

Split = events.Split


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("earlier")
    return planted.prepared_data(directory)


def _rows(data: prepared.PreparedData, split: Split) -> np.ndarray:
    return np.flatnonzero(np.asarray(data.impressions.splits) == split)


def test_the_latest_are_added_and_nothing_else_changes(
    data: prepared.PreparedData,
) -> None:
    own, before = _rows(data, Split.TRAIN), _rows(data, Split.CONTEXT)
    found = earlier_impressions.with_earlier_impressions(data, len(own) + 50)
    added = _rows(found, Split.EARLIER)
    times = np.asarray(data.impressions.times)
    # The four impressions of a page share a second.
    assert 50 <= len(added) < 54
    left = np.setdiff1d(before, added)
    assert times[left].max() < times[added].min()
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        np.testing.assert_array_equal(_rows(found, split), _rows(data, split))
    # What is on disk, and what is evaluated, stays.
    assert not len(_rows(data, Split.EARLIER))


def test_there_may_be_fewer_or_none_missing(data: prepared.PreparedData) -> None:
    every = earlier_impressions.with_earlier_impressions(data, 10**9)
    np.testing.assert_array_equal(
        _rows(every, Split.EARLIER), _rows(data, Split.CONTEXT)
    )
    assert (
        earlier_impressions.with_earlier_impressions(
            data, len(_rows(data, Split.TRAIN))
        )
        is data
    )
    assert earlier_impressions.with_earlier_impressions(data, 0) is data


def test_without_a_window_of_its_own_there_is_nothing_to_add(
    tmp_path: pathlib.Path,
) -> None:
    data = planted.prepared_data(tmp_path, protocol="leave_one_out")
    assert earlier_impressions.with_earlier_impressions(data, 10**9) is data
