"""Towers, encoders and heads without a run: the page of docs/examples."""

import runpy

from tests import extras


def test_the_page_runs() -> None:
    found = runpy.run_path(str(extras.EXAMPLES / "outside_run.py"))
    assert found["users"].shape == (1, 1, 32)
    assert found["bags"].shape == (1, 1, 64)
    assert found["losses"].shape == (2,)
