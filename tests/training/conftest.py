"""Fixtures of the tests of trainings."""

import fsspec
import pytest

from ytdnn.training import checkpoint_store


@pytest.fixture
def bucket(monkeypatch):
    """The files of fsspec's memory, empty before and after."""
    monkeypatch.setattr(checkpoint_store, "WAITS", (0.0, 0.0))
    found = fsspec.filesystem("memory")
    found.store.clear()
    yield found
    found.store.clear()
