import doctest
import importlib

import pytest

MODULES = (
    *("binary", "bootstrap", "calibration", "catalogue", "per_user_loss"),
    *("hits_at_k", "exact_top_k", "equal_values", "selection", "watch_time"),
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"ytdnn.base.metrics.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
