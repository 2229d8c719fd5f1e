"""Sets of more shards than a process may have files open."""

import numpy as np
import pytest

from tests import open_files, planted
from ytdnn.log import derived_sets, events, prepared

_FILES = 64
_EVENTS = 130  # of a user of the planted log: 24 watches, 96 impressions


@pytest.fixture(autouse=True)
def few_files():
    """A limit of open files far below the number of arrays."""
    with open_files.at_most(_FILES):
        yield


def _arrays(data: prepared.PreparedData) -> dict[str, np.ndarray]:
    return {
        f"{name}_{column}": values
        for name, table in events.tables(data.log.shard).items()
        for column, values in events.columns(table)
    }


def test_a_set_of_more_arrays_than_open_files_is_read_as_one(tmp_path):
    whole = planted.prepared_data(tmp_path / "whole")
    cut = planted.prepared_data(tmp_path / "cut", events_per_shard=_EVENTS)
    expected, found = _arrays(whole), _arrays(cut)
    assert len(cut.log.shards) * len(found) > 8 * _FILES
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert found[name].dtype == values.dtype
    obstacles = [each.manifest.facts["ranking_obstacle"] for each in (whole, cut)]
    assert obstacles == ["", ""]


def test_a_set_of_more_arrays_than_open_files_is_prepared_again(tmp_path):
    found = []
    for name, number in (("whole", 5_000_000), ("cut", _EVENTS)):
        data = planted.prepared_data(tmp_path / name, events_per_shard=number)
        place = tmp_path / name / "refit"
        found.append(
            derived_sets.derive(
                data, derived_sets.Part.EARLIER, place, needs_ranker=True
            )
        )
    whole, cut = found
    assert len(cut.log.shards) > _FILES // 2
    for name, values in _arrays(whole).items():
        np.testing.assert_array_equal(_arrays(cut)[name], values, err_msg=name)
    assert cut.manifest.facts["windows"] == whole.manifest.facts["windows"]
