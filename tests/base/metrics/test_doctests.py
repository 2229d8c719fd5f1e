import doctest
import importlib

import pytest

MODULES = (
    *("binary", "bootstrap", "calibration", "catalogue", "per_user_loss"),
    *(
        "recall_and_ndcg",
        "exact_top_k",
        "tied_values",
        "top_k_selection",
        "watch_time_of_hits",
    ),
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"ytdnn.base.metrics.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
