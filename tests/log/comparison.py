"""Whether two prepared sets hold the same events."""

import dataclasses

import numpy as np

from ytdnn.log import prepared

TABLES = ("watches", "searches", "impressions")


def assert_same_events(
    actual: prepared.PreparedData, expected: prepared.PreparedData
) -> None:
    """Fails unless all arrays of all tables are equal, type and values."""
    for name in TABLES:
        pair = getattr(actual.log.shard, name), getattr(expected.log.shard, name)
        assert (pair[0] is None) == (pair[1] is None), name
        if pair[1] is None:
            continue
        for field in dataclasses.fields(pair[1]):
            found, wanted = (getattr(table, field.name) for table in pair)
            assert (found is None) == (wanted is None), (name, field.name)
            if wanted is not None:
                assert found.dtype == wanted.dtype, (name, field.name)
                np.testing.assert_array_equal(found, wanted, f"{name}.{field.name}")
