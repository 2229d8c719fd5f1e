import doctest
import types

import pytest

from ytdnn.base.metrics import (
    binary,
    bootstrap,
    calibration,
    catalogue,
    equal_values,
    per_user_loss,
    ranking,
    retrieval,
    selection,
    watch_time,
)

MODULES = (
    binary,
    bootstrap,
    calibration,
    catalogue,
    per_user_loss,
    ranking,
    retrieval,
    equal_values,
    selection,
    watch_time,
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_examples_in_docstrings_run(module: types.ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
